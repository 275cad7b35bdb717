package num

import "math"

// BF16ToF32 widens bfloat16 bits.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 rounds to the nearest bfloat16, ties to even; NaN becomes 0x7fff.
func F32ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return 0x7fff
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// F16ToF32 widens binary16 bits.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	m := uint32(h) & 0x3ff
	switch {
	case exp == 0x1f:
		if m != 0 {
			return math.Float32frombits(NaN32)
		}
		return math.Float32frombits(sign | 0x7f800000)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | m<<13)
	}
	v := float32(m) * (1.0 / (1 << 24))
	return math.Float32frombits(sign | math.Float32bits(v))
}

// F32ToF16 rounds to the nearest binary16, ties to even; NaN becomes 0x7fff.
func F32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	a := b & 0x7fffffff
	sign := uint16(b >> 16 & 0x8000)
	switch {
	case a > 0x7f800000:
		return 0x7fff
	case a >= 0x477ff000: // rounds to 2^16 or more
		return sign | 0x7c00
	case a >= 0x38800000: // normal
		return sign | uint16((a-0x38000000+0xfff+a>>13&1)>>13)
	}
	// Subnormal: adding 0.5 puts the last kept bit at the end of the float32 fraction, and the addition rounds.
	v := math.Float32frombits(a) + 0.5
	return sign | uint16(math.Float32bits(v)-0x3f000000)
}

// F32To rounds a float32 to a narrower format in any mode and returns its bits; TF32 comes in the high bits of 32.
func F32To(x float32, f Format, m Mode) uint32 {
	switch {
	case f == BF16 && m == RN:
		return uint32(F32ToBF16(x))
	case f == F16 && m == RN:
		return uint32(F32ToF16(x))
	case f == TF32:
		if x != x {
			return NaN32
		}
		return uint32(FromF64(float64(x), f, m)) << 13
	}
	return uint32(FromF64(float64(x), f, m))
}

// TF32 returns the value that the tensor cores read from a .tf32 register: the low 13 fraction bits are ignored.
func TF32Value(b uint32) float32 { return math.Float32frombits(b &^ 0x1fff) }

// Half is the pair of conversions of one 16-bit format, for arithmetic written once for f16 and bf16.
type Half struct {
	To   func(uint16) float32
	From func(float32) uint16
	Fmt  Format
}

// The two half formats.
var (
	HalfF16  = Half{F16ToF32, F32ToF16, F16}
	HalfBF16 = Half{BF16ToF32, F32ToBF16, BF16}
)

// FMA returns a*b+c rounded once to the format.
func (h Half) FMA(a, b, c uint16) uint16 {
	x, y, z := float64(h.To(a)), float64(h.To(b)), float64(h.To(c))
	return uint16(FromF64(FMAOdd(x, y, z), h.Fmt, RN))
}

// Add returns a+b rounded to nearest.
func (h Half) Add(a, b uint16) uint16 {
	return uint16(FromF64(AddOdd(float64(h.To(a)), float64(h.To(b))), h.Fmt, RN))
}

// Mul returns a*b rounded to nearest; the product of two halves is exact in float64.
func (h Half) Mul(a, b uint16) uint16 {
	return uint16(FromF64(float64(h.To(a))*float64(h.To(b)), h.Fmt, RN))
}

// Sat clamps to [0,1], NaN to +0.
func (h Half) Sat(a uint16) uint16 { return h.From(Sat(h.To(a))) }

// FTZ flushes subnormals to a zero of the same sign.
func (h Half) FTZ(a uint16) uint16 {
	if a>>h.Fmt.Frac&(1<<h.Fmt.Exp-1) == 0 {
		return a & 0x8000
	}
	return a
}

// Min and Max follow the float32 rules; a NaN result is canonical.

// Min returns the smaller operand.
func (h Half) Min(a, b uint16) uint16 { return h.From(Min(h.To(a), h.To(b))) }

// Max returns the larger operand.
func (h Half) Max(a, b uint16) uint16 { return h.From(Max(h.To(a), h.To(b))) }
