package emutest

import (
	"math"
	"math/big"
)

// Format is a binary floating-point format.
type Format struct {
	Precision uint // bits of the significand, the hidden one included
	MinExp    int  // exponent e of the smallest normal 1.0 x 2^e
	MaxExp    int  // exponent of the largest finite values
}

// The formats of PTX.
var (
	Float16  = Format{11, -14, 15}
	BFloat16 = Format{8, -126, 127}
	Float32  = Format{24, -126, 127}
	Float64  = Format{53, -1022, 1023}
)

// Max is the largest finite value.
func (f Format) Max() float64 {
	return math.Ldexp(2-math.Ldexp(1, 1-int(f.Precision)), f.MaxExp)
}

// Tiny is the smallest positive value.
func (f Format) Tiny() float64 { return math.Ldexp(1, f.MinExp+1-int(f.Precision)) }

// Round rounds a real number to the format once, with subnormal results.
// Modes are ToNearestEven, ToZero, ToPositiveInf and ToNegativeInf.
func (f Format) Round(x *big.Float, mode big.RoundingMode) float64 {
	if x.IsInf() || x.Sign() == 0 {
		v, _ := x.Float64()
		return v
	}
	precision := int(f.Precision)
	if e := x.MantExp(nil) - 1; e < f.MinExp {
		precision -= f.MinExp - e
	}
	if precision < 1 {
		return f.roundTiny(x, mode)
	}
	y, _ := new(big.Float).SetPrec(uint(precision)).SetMode(mode).Set(x).Float64()
	if math.Abs(y) <= f.Max() {
		return y
	}
	away := mode == big.ToNearestEven || mode == big.ToPositiveInf && y > 0 || mode == big.ToNegativeInf && y < 0
	if away {
		return math.Inf(x.Sign())
	}
	return math.Copysign(f.Max(), y)
}

// roundTiny rounds a number nearer to zero than the smallest value.
func (f Format) roundTiny(x *big.Float, mode big.RoundingMode) float64 {
	up := false
	switch mode {
	case big.ToNearestEven:
		half := new(big.Float).SetMantExp(big.NewFloat(1), f.MinExp-int(f.Precision))
		up = new(big.Float).Abs(x).Cmp(half) > 0
	case big.ToPositiveInf:
		up = x.Sign() > 0
	case big.ToNegativeInf:
		up = x.Sign() < 0
	}
	if up {
		return math.Copysign(f.Tiny(), float64(x.Sign()))
	}
	return math.Copysign(0, float64(x.Sign()))
}

// Exact is x as an exact number with room for exact sums and products of two
// float64; x must not be NaN.
func Exact(x float64) *big.Float {
	return new(big.Float).SetPrec(4400).SetFloat64(x)
}

// FMA32 is a*b+c rounded once to float32, to nearest even.
func FMA32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	if math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(s)
	}
	// Round the sum to odd: where the exact sum p + c is not s, s moves to
	// the neighbour with an odd significand, which a second rounding with
	// two bits less can not mistake for a tie (Boldo and Melquiond 2008).
	t := s - p
	rest := (p - (s - t)) + (float64(c) - t)
	if rest != 0 {
		bits := math.Float64bits(s)
		if bits&1 == 0 {
			if (rest > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}
