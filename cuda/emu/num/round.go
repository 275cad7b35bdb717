// Package num holds the scalar arithmetic of the PTX emulator: rounding to every floating-point format in every mode,
// exact fused multiply-add, conversions with saturation, and the approximations computed in float64 and rounded once.
//
// Sections named in comments are those of the "Parallel Thread Execution ISA" document (PTX ISA 8.4).
package num

import (
	"math"
	"math/bits"
)

// Mode is a rounding mode (PTX ISA 6.4.1, "Scalar conversions": .rn .rz .rm .rp, and .rna for tf32).
type Mode uint8

// The rounding modes.
const (
	RN  Mode = iota // to nearest, ties to even
	RZ              // towards zero
	RM              // towards minus infinity
	RP              // towards plus infinity
	RNA             // to nearest, ties away from zero
)

// Format is a binary floating-point format by its fraction and exponent widths.
type Format struct{ Frac, Exp uint }

// The formats that PTX computes with. TF32 is held in 32 bits with the low 13 fraction bits dropped.
var (
	F16  = Format{10, 5}
	BF16 = Format{7, 8}
	TF32 = Format{10, 8}
	F32  = Format{23, 8}
	F64  = Format{52, 11}
)

func (f Format) bias() int { return 1<<(f.Exp-1) - 1 }

// Inf returns the bits of infinity with the given sign.
func (f Format) Inf(neg bool) uint64 {
	b := uint64(1<<f.Exp-1) << f.Frac
	if neg {
		b |= 1 << (f.Frac + f.Exp)
	}
	return b
}

// Max returns the bits of the largest finite value with the given sign.
func (f Format) Max(neg bool) uint64 { return f.Inf(neg) - 1 }

// NaN returns the canonical NaN that PTX arithmetic yields: all ones but the sign (0x7fff for f16 and bf16, 0x7fffffff for
// f32). Double precision keeps the quiet NaN of the host.
func (f Format) NaN() uint64 {
	if f == F64 {
		return 0x7ff8000000000000
	}
	return 1<<(f.Frac+f.Exp) - 1
}

// Round returns the bits in format f of (-1)^neg * (m + s) * 2^e, where s is a value in (0,1) if sticky, else 0.
// Overflow gives infinity or the largest finite value as the mode demands; results below the normal range are subnormal.
func Round(neg bool, m uint64, e int, sticky bool, f Format, mode Mode) uint64 {
	var sign uint64
	if neg {
		sign = 1 << (f.Frac + f.Exp)
	}
	if m == 0 {
		if sticky && (mode == RP && !neg || mode == RM && neg) {
			return sign | 1
		}
		return sign
	}
	lead := bits.Len64(m) - 1
	exp := e + lead // value in [2^exp, 2^(exp+1))
	lo := exp - int(f.Frac)
	if min := 1 - f.bias() - int(f.Frac); lo < min {
		lo = min
	}
	q, half, rest := shiftOut(m, lo-e, sticky)
	if roundUp(q, half, rest, neg, mode) {
		q++
	}
	if q == 0 {
		return sign
	}
	lead = bits.Len64(q) - 1
	exp = lo + lead
	if exp > f.bias() {
		if mode == RZ || mode == RM && !neg || mode == RP && neg {
			return f.Max(neg)
		}
		return f.Inf(neg)
	}
	if lead < int(f.Frac) { // subnormal: lo is the smallest step
		return sign | q
	}
	q >>= uint(lead) - f.Frac
	return sign | uint64(exp+f.bias())<<f.Frac | q&(1<<f.Frac-1)
}

// shiftOut drops sh bits from m and returns what is left, the first dropped bit, and whether any later bit was set.
func shiftOut(m uint64, sh int, sticky bool) (q uint64, half, rest bool) {
	switch {
	case sh <= 0:
		return m << uint(-sh), false, sticky
	case sh > 64:
		return 0, false, true
	}
	half = m>>(uint(sh)-1)&1 == 1
	rest = sticky || m&(1<<(uint(sh)-1)-1) != 0
	if sh == 64 {
		return 0, half, rest
	}
	return m >> uint(sh), half, rest
}

func roundUp(q uint64, half, rest, neg bool, mode Mode) bool {
	switch mode {
	case RN:
		return half && (rest || q&1 == 1)
	case RNA:
		return half
	case RM:
		return neg && (half || rest)
	case RP:
		return !neg && (half || rest)
	}
	return false
}

// FromF64 rounds x to format f. NaN becomes the canonical NaN of the format.
func FromF64(x float64, f Format, mode Mode) uint64 {
	b := math.Float64bits(x)
	neg := b>>63 == 1
	exp := int(b >> 52 & 0x7ff)
	m := b & (1<<52 - 1)
	switch exp {
	case 0x7ff:
		if m != 0 {
			return f.NaN()
		}
		return f.Inf(neg)
	case 0:
		return Round(neg, m, -1074, false, f, mode)
	}
	return Round(neg, m|1<<52, exp-1075, false, f, mode)
}

// ToF64 widens bits of format f to float64, exactly.
func ToF64(b uint64, f Format) float64 {
	neg := b>>(f.Frac+f.Exp)&1 == 1
	exp := int(b >> f.Frac & (1<<f.Exp - 1))
	m := b & (1<<f.Frac - 1)
	var v float64
	switch {
	case exp == 1<<f.Exp-1 && m != 0:
		return math.NaN()
	case exp == 1<<f.Exp-1:
		v = math.Inf(1)
	case exp == 0:
		v = math.Ldexp(float64(m), 1-f.bias()-int(f.Frac))
	default:
		v = math.Ldexp(float64(m|1<<f.Frac), exp-f.bias()-int(f.Frac))
	}
	if neg {
		return -v
	}
	return v
}

// odd folds the rounding error err of the float64 sum s into its last bit (rounding to odd), so that one more rounding to
// a format of at most 50 fraction bits is as if s had been exact.
func odd(s, err float64) float64 {
	if err == 0 || math.IsNaN(err) || math.IsInf(s, 0) {
		return s
	}
	b := math.Float64bits(s)
	if b&1 == 1 {
		return s
	}
	if s == 0 {
		return err
	}
	if (err > 0) == (s > 0) {
		return math.Float64frombits(b | 1)
	}
	return math.Float64frombits(b - 1)
}

// twoSum returns a+b and its exact rounding error.
func twoSum(a, b float64) (s, err float64) {
	s = a + b
	bb := s - a
	return s, (a - (s - bb)) + (b - bb)
}

// FMAOdd returns a*b+c rounded to odd at float64, for a, b, c exactly representable in f32 or narrower.
func FMAOdd(a, b, c float64) float64 {
	p := float64(a * b) // exact: at most 48 bits
	s, err := twoSum(p, c)
	return odd(s, err)
}

// AddOdd returns a+b rounded to odd at float64.
func AddOdd(a, b float64) float64 {
	s, err := twoSum(a, b)
	return odd(s, err)
}

// exactZero gives the sign of an exact zero sum in mode m: minus only when rounding down, unless both terms are zeros of
// one sign (then s already carries it).
func exactZero(s, x, y float64, m Mode) float64 {
	if s == 0 && m == RM && (math.Signbit(x) != math.Signbit(y)) {
		return math.Copysign(0, -1)
	}
	return s
}
