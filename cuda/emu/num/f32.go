package num

import "math"

// NaN32 is the NaN that single-precision PTX arithmetic yields.
const NaN32 uint32 = 0x7fffffff

// Bits returns the bits of x with every NaN made canonical.
func Bits(x float32) uint32 {
	if x != x {
		return NaN32
	}
	return math.Float32bits(x)
}

// FTZ flushes a subnormal to a zero of the same sign (PTX ISA 8.6.2, modifier .ftz).
func FTZ(x float32) float32 {
	b := math.Float32bits(x)
	if b&0x7f800000 == 0 {
		return math.Float32frombits(b & 0x80000000)
	}
	return x
}

// Sat clamps to [0,1]; NaN becomes +0 (modifier .sat).
func Sat(x float32) float32 {
	switch {
	case !(x > 0):
		return 0
	case x > 1:
		return 1
	}
	return x
}

// FMA returns a*b+c rounded once to nearest: the product is exact in float64, and the sum is corrected when it sits where
// a second rounding could go wrong (on a midpoint of float32, or below its normal range).
func FMA(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	s := p + float64(c)
	u := math.Float64bits(s)
	if u&0x1fffffff != 0x10000000 && u&0x7ff0000000000000 > 0x3810000000000000 {
		return float32(s)
	}
	return fmaFix(p, float64(c))
}

func fmaFix(p, c float64) float32 {
	s, err := twoSum(p, c)
	return float32(odd(s, err))
}

// to32 rounds a float64 (exact or rounded to odd) to float32 in mode m.
func to32(x float64, m Mode) float32 {
	if m == RN {
		return float32(x)
	}
	return math.Float32frombits(uint32(FromF64(x, F32, m)))
}

// FMAMode is FMA in any rounding mode.
func FMAMode(a, b, c float32, m Mode) float32 {
	p := float64(a) * float64(b)
	s := FMAOdd(float64(a), float64(b), float64(c))
	return to32(exactZero(s, p, float64(c), m), m)
}

// Add returns a+b in mode m.
func Add(a, b float32, m Mode) float32 {
	if m == RN {
		return a + b
	}
	return to32(exactZero(AddOdd(float64(a), float64(b)), float64(a), float64(b), m), m)
}

// Mul returns a*b in mode m.
func Mul(a, b float32, m Mode) float32 { return to32(float64(a)*float64(b), m) }

// Div returns a/b in mode m (div.rn and the directed modes are IEEE 754).
func Div(a, b float32, m Mode) float32 {
	x, y := float64(a), float64(b)
	q := x / y
	if m == RN {
		return float32(q) // 53 >= 2*24+2 bits: the second rounding is harmless
	}
	if q != 0 && !math.IsInf(q, 0) && !math.IsNaN(q) {
		r := math.FMA(-q, y, x) // exact remainder
		if y < 0 {
			r = -r
		}
		q = odd(q, r)
	}
	return to32(q, m)
}

// Sqrt returns the square root in mode m.
func Sqrt(a float32, m Mode) float32 {
	x := float64(a)
	s := math.Sqrt(x)
	if m != RN && s > 0 && !math.IsInf(s, 0) {
		s = odd(s, math.FMA(-s, s, x))
	}
	return to32(s, m)
}

// Min and Max return the other operand when one is NaN, and order -0 below +0 (PTX ISA 9.7.3.11).

// Min returns the smaller operand.
func Min(a, b float32) float32 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	case a == b:
		return math.Float32frombits(math.Float32bits(a) | math.Float32bits(b))
	case a < b:
		return a
	}
	return b
}

// Max returns the larger operand.
func Max(a, b float32) float32 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	case a == b:
		return math.Float32frombits(math.Float32bits(a) & math.Float32bits(b))
	case a > b:
		return a
	}
	return b
}

// Min64 is Min for double precision.
func Min64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

// Max64 is Max for double precision.
func Max64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Max(a, b)
}
