package emu_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// fromF16 is the value of float16 bits.
func fromF16(b uint16) float64 {
	sign, e, m := 1-2*float64(b>>15), int(b>>10&31), float64(b&1023)
	switch e {
	case 0:
		return math.Copysign(math.Ldexp(m, -24), sign)
	case 31:
		if m != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+m, e-25)
}

// f16 are the bits of x rounded to float16; NaN is canonical.
func f16(x float64) uint16 {
	if math.IsNaN(x) {
		return 0x7fff
	}
	x = emutest.Float16.Round(emutest.Exact(x), big.ToNearestEven)
	return f16Bits(x)
}

// f16Bits are the bits of a value that float16 has.
func f16Bits(x float64) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	switch {
	case math.IsInf(x, 0):
		return sign | 0x7c00
	case x < 0x1p-14:
		return sign | uint16(x*0x1p24)
	}
	e := math.Ilogb(x)
	return sign | uint16(e+15)<<10 | uint16(math.Ldexp(x, 10-e))&1023
}

func fromBF16(b uint16) float64 { return float64(math.Float32frombits(uint32(b) << 16)) }

// bf16 are the bits of x rounded to bfloat16; NaN is canonical.
func bf16(x float64) uint16 {
	if math.IsNaN(x) {
		return 0x7fff
	}
	return uint16(math.Float32bits(float32(emutest.BFloat16.Round(emutest.Exact(x), big.ToNearestEven))) >> 16)
}

// halfFormat is a 16-bit format with its conversions.
type halfFormat struct {
	format emutest.Format
	from   func(uint16) float64
	to     func(float64) uint16
}

// op is one operation rounded once; the sign of a zero is IEEE's.
func (h halfFormat) op(name string, x ...float64) uint16 {
	return h.to(rounded(h.format, big.ToNearestEven, name, x...))
}

// relu is max(x, 0); NaN stays.
func (h halfFormat) relu(b uint16) uint16 {
	if v := h.from(b); v <= 0 {
		return 0
	}
	return b
}

// common are the first nine results of half_arithmetic and bf16_arithmetic for one of the two lanes.
func (h halfFormat) common(a, b uint16) []uint16 {
	x, y := h.from(a), h.from(b)
	return []uint16{
		h.op("+", x, y), h.op("+", x, -y), h.op("*", x, y), h.op("fma", x, y, x),
		h.to(maxNumber(x, y)), h.to(minNumber(x, y)), a ^ 0x8000, b &^ 0x8000,
		h.relu(h.op("fma", x, y, y)),
	}
}

// anyHalf is a random bit pattern without NaN, often near 1.
func anyHalf(r *rand.Rand, h halfFormat) uint16 {
	for {
		b := uint16(r.Uint32())
		if r.IntN(2) == 0 {
			b = h.to(r.NormFloat64())
		}
		if v := h.from(b); v == v {
			return b
		}
	}
}

func testHalfArithmetic(t *testing.T, name string, h halfFormat, last func(a, b [2]uint16) [3][2]uint16) {
	const n = 300
	r := random(65)
	pick := func(int) uint16 { return anyHalf(r, h) }
	x, y := make1(2*n, pick), make1(2*n, pick)
	var want []uint16
	for i := range n {
		a, b := [2]uint16(x[2*i:]), [2]uint16(y[2*i:])
		low, high := h.common(a[0], b[0]), h.common(a[1], b[1])
		for j := range low {
			want = append(want, low[j], high[j])
		}
		for _, pair := range last(a, b) {
			want = append(want, pair[0], pair[1])
		}
	}
	d, f := kernel(t, "half", name)
	out := emutest.Out[uint16](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out (24 a thread)", out.Get(), want)
}

func TestKernelHalfArithmetic(t *testing.T) {
	h := halfFormat{emutest.Float16, fromF16, f16}
	testHalfArithmetic(t, "half_arithmetic", h, func(a, b [2]uint16) [3][2]uint16 {
		var sat [2]uint16
		for j := range sat {
			sat[j] = f16(saturate(rounded(h.format, big.ToNearestEven, "fma", fromF16(a[j]), fromF16(a[j]), fromF16(b[j]))))
		}
		return [3][2]uint16{sat, {a[0], b[0]}, {f16(float64(float32(fromF16(a[0])) * 3)), f16(float64(float32(fromF16(b[1])) / 7))}}
	})
}

func TestKernelBF16Arithmetic(t *testing.T) {
	h := halfFormat{emutest.BFloat16, fromBF16, bf16}
	testHalfArithmetic(t, "bf16_arithmetic", h, func(a, b [2]uint16) [3][2]uint16 {
		return [3][2]uint16{
			{bf16(float64(float32(fromBF16(a[0])) + 1)), b[1]}, {a[0], b[0]},
			{bf16(float64(float32(fromBF16(a[0])) * 3)), bf16(float64(float32(fromBF16(b[1])) / 7))},
		}
	})
}

func TestKernelHalfCompare(t *testing.T) {
	const n = 400
	r := random(66)
	pick := func(int) uint16 {
		return []uint16{0, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x3c00, uint16(r.Uint32()), f16(r.NormFloat64() * 1000)}[r.IntN(8)]
	}
	x, y := make1(n, pick), make1(n, pick)
	set := func(flags ...bool) int32 {
		v := int32(0)
		for i, f := range flags {
			v |= boolean(f) << i
		}
		return v
	}
	var want []int32
	for i := range x {
		a, b := fromF16(x[i]), fromF16(y[i])
		unordered := a != a || b != b
		want = append(want,
			set(a == b, !unordered && a != b, a < b, a <= b, a > b, a >= b),
			set(a == b || unordered, a != b, !(a >= b), !(a > b), !(a <= b), !(a < b)),
			boolean(a != a),
			int32(toInteger(a, math.RoundToEven, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(b, math.Trunc, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(a, math.RoundToEven, math.MinInt16, math.MaxInt16, 0)),
			int32(f16(float64(int32(toInteger(b, math.Floor, math.MinInt32, math.MaxInt32, 0))*5))),
			int32(towardZeroF16(float32(a)*float32(1.0009765625))))
	}
	d, f := kernel(t, "half", "half_compare")
	out := emutest.Out[int32](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 64), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out (8 a thread)", out.Get(), want)
}

// towardZeroF16 are the bits of x cut to float16.
func towardZeroF16(x float32) uint16 {
	v := float64(x)
	if math.IsNaN(v) {
		return 0x7fff
	}
	return f16Bits(emutest.Float16.Round(emutest.Exact(v), big.ToZero))
}
