package num

import (
	"math"
	"math/big"
)

// Directed rounding of double precision goes through exact arithmetic: it is rare, and so may be slow.

// exactBits is a precision in which sums and products of float64 values are exact.
const exactBits = 4400

// round64 rounds an exact value to float64; zero gives the sign that the caller knows.
func round64(x *big.Float, zeroNeg bool, m Mode) float64 {
	if x.Sign() == 0 {
		if zeroNeg {
			return math.Copysign(0, -1)
		}
		return 0
	}
	mant := new(big.Float)
	e := x.MantExp(mant) // x = mant * 2^e, mant in [1/2, 1)
	mant.SetMantExp(mant, 64)
	mant.Abs(mant)
	v, acc := mant.Uint64()
	return math.Float64frombits(Round(x.Sign() < 0, v, e-64, acc == big.Below, F64, m))
}

func exact(x float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(x) }

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// FMA64 returns a*b+c in mode m.
func FMA64(a, b, c float64, m Mode) float64 {
	if m == RN || !finite(a, b, c) {
		return math.FMA(a, b, c)
	}
	p := exact(a)
	p.Mul(p, exact(b))
	zero := math.Signbit(a) != math.Signbit(b)
	if p.Sign() == 0 && c == 0 {
		if zero == math.Signbit(c) {
			return c
		}
		return round64(p, m == RM, m)
	}
	return round64(p.Add(p, exact(c)), m == RM, m)
}

// Add64 returns a+b in mode m.
func Add64(a, b float64, m Mode) float64 { return FMA64(a, 1, b, m) }

// Mul64 returns a*b in mode m.
func Mul64(a, b float64, m Mode) float64 {
	if m == RN || !finite(a, b) {
		return a * b
	}
	p := exact(a)
	return round64(p.Mul(p, exact(b)), math.Signbit(a) != math.Signbit(b), m)
}

// Div64 returns a/b in mode m.
func Div64(a, b float64, m Mode) float64 {
	if m == RN || !finite(a, b) || a == 0 || b == 0 {
		return a / b
	}
	x, y := exact(a), exact(b)
	q := new(big.Float).SetPrec(128).SetMode(big.ToZero).Quo(x, y)
	return sticky64(q, new(big.Float).SetPrec(exactBits).Mul(exact2(q), y).Cmp(x) != 0, m)
}

// Sqrt64 returns the square root of a in mode m.
func Sqrt64(a float64, m Mode) float64 {
	if m == RN || !finite(a) || a <= 0 {
		return math.Sqrt(a)
	}
	q := new(big.Float).SetPrec(128).SetMode(big.ToNearestEven).Sqrt(exact(a))
	sq := func() int { return new(big.Float).SetPrec(exactBits).Mul(exact2(q), exact2(q)).Cmp(exact(a)) }
	below := sq()
	if below > 0 { // make it the largest value of 128 bits not above the root
		ulp := new(big.Float).SetMantExp(big.NewFloat(1), q.MantExp(nil)-128)
		q.Sub(q, ulp)
		below = sq()
	}
	return sticky64(q, below != 0, m)
}

func exact2(x *big.Float) *big.Float { return new(big.Float).SetPrec(exactBits).Set(x) }

// sticky64 rounds a value cut towards zero, of which something is missing if inexact.
func sticky64(q *big.Float, inexact bool, m Mode) float64 {
	mant := new(big.Float)
	e := q.MantExp(mant)
	mant.SetMantExp(mant, 64)
	mant.Abs(mant)
	v, acc := mant.Uint64()
	return math.Float64frombits(Round(q.Sign() < 0, v, e-64, inexact || acc == big.Below, F64, m))
}
