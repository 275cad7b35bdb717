package emu_test

import (
	"math"
	"math/big"
	"math/bits"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

func TestKernelDivisions(t *testing.T) {
	const n = 400
	r := random(60)
	special := []int32{1, -1, 2, 3, 7, 10, -7, math.MaxInt32, math.MinInt32, 641, 1000003}
	pick := func(int) int32 {
		if r.IntN(3) == 0 {
			return special[r.IntN(len(special))]
		}
		return int32(r.Uint32()) >> r.IntN(31)
	}
	x, y := make1(n, pick), make1(n, pick)
	var want []int32
	for i := range x {
		if y[i] == 0 || x[i] == math.MinInt32 && y[i] == -1 {
			y[i] = 5
		}
		a, b := x[i], y[i]
		ua, ub := uint32(a), uint32(b)
		want = append(want, a/b, a%b, int32(ua/ub), int32(ua%ub), a/7, a%7, int32(ua/10), int32(ua%1000), a/16, a%16, int32(ua/641), a/-3)
	}
	d, f := kernel(t, "integer", "divisions")
	out := emutest.Out[int32](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out", out.Get(), want)
}

// bytewise applies f to the four bytes of two words.
func bytewise(a, b uint32, f func(x, y uint8) uint8) uint32 {
	var v uint32
	for s := 0; s < 32; s += 8 {
		v |= uint32(f(uint8(a>>s), uint8(b>>s))) << s
	}
	return v
}

// bitOperations is what the kernel bits writes for one pair.
func bitOperations(a, b uint32) []uint32 {
	sa, sb := int32(a), int32(b)
	pair := uint64(b)<<32 | uint64(a)
	byteOf := func(i int) uint32 { return uint32(pair >> (8 * i) & 255) }
	dpSigned, dpUnsigned := int32(17), uint32(17)
	for s := 0; s < 32; s += 8 {
		dpSigned += int32(int8(a>>s)) * int32(int8(b>>s))
		dpUnsigned += uint32(uint8(a>>s)) * uint32(uint8(b>>s))
	}
	difference := int64(sa) - int64(sb)
	ffs := uint32(0)
	if a != 0 {
		ffs = uint32(bits.TrailingZeros32(a)) + 1
	}
	low24 := func(v int32) int32 { return v << 8 >> 8 }
	return []uint32{
		uint32(bits.OnesCount32(a)),
		uint32(bits.LeadingZeros32(a)),
		ffs,
		bits.Reverse32(a),
		byteOf(5) | byteOf(1)<<8 | byteOf(7)<<16 | byteOf(3)<<24,
		uint32(pair << (b & 31) >> 32),
		uint32(pair >> 13),
		uint32(uint64(a) * uint64(b) >> 32),
		uint32(int64(sa) * int64(sb) >> 32),
		uint32(dpSigned),
		dpUnsigned,
		max(a, b) - min(a, b) + 3,
		uint32(max(difference, -difference)) + 3,
		a<<(b&31) | a>>((32-b&31)%32),
		uint32(sa >> (b & 31)),
		(a & b) ^ (^a | b),
		uint32(min(sa, sb)),
		max(a, b),
		uint32(max(sa, -sa)),
		uint32((int64(sa) + int64(sb)) >> 1),
		uint32((uint64(a) + uint64(b)) >> 1),
		uint32(low24(sa) * low24(sb)),
		bytewise(a, b, func(x, y uint8) uint8 { return x + y }),
		bytewise(a, b, func(x, y uint8) uint8 { return max(x, y) - min(x, y) }),
		bytewise(a, b, func(x, y uint8) uint8 { return uint8(-boolean(x > y)) }),
		uint32(sa << 16 >> 21),
		a&b | a&(a^0x5a5a5a5a) | b&(a^0x5a5a5a5a),
		uint32(bits.Len32(b)) - 1,
	}
}

func TestKernelBits(t *testing.T) {
	const n = 300
	r := random(61)
	pick := func(i int) uint32 {
		return []uint32{0, 1, math.MaxUint32, 1 << 31, r.Uint32(), r.Uint32() >> r.IntN(32)}[max(i%12-6, r.IntN(6))]
	}
	x, y := make1(n, pick), make1(n, pick)
	var want []uint32
	for i := range x {
		want = append(want, bitOperations(x[i], y[i])...)
	}
	d, f := kernel(t, "integer", "bits")
	out := emutest.Out[uint32](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out", out.Get(), want)
}

// wideOperations is what the kernel wide_integers writes for one pair.
func wideOperations(a, b int64) []int64 {
	ua, ub := uint64(a), uint64(b)
	high, _ := bits.Mul64(ua, ub)
	signedHigh := int64(high)
	if a < 0 {
		signedHigh -= b
	}
	if b < 0 {
		signedHigh -= a
	}
	choice := max(b, -b)
	if a < b {
		choice = -a
	}
	ffs := 0
	if a != 0 {
		ffs = bits.TrailingZeros64(ua) + 1
	}
	rounded := ua
	if n := bits.Len64(ua); n > 53 {
		rounded = ua >> (n - 53) << (n - 53)
	}
	s := ub & 63
	return []int64{
		a * b,
		signedHigh,
		int64(high),
		a / b,
		a % b,
		int64(ua / ub),
		int64(ua % ub),
		a / 1000003,
		a<<s ^ a>>s ^ int64(ua>>s),
		int64(bits.OnesCount64(ua) + 100*bits.LeadingZeros64(ua) + 10000*ffs),
		int64(bits.Reverse64(ua)),
		min(a, b) ^ int64(max(ua, ub)),
		choice,
		int64(int32(a)) + int64(uint32(b)),
		int64(float64(a) * 0.5),
		int64(rounded / 3),
	}
}

func TestKernelWideIntegers(t *testing.T) {
	const n = 300
	r := random(62)
	pick := func(int) int64 {
		if r.IntN(5) == 0 {
			return []int64{1, -1, 3, math.MaxInt64, math.MinInt64 + 1, 1 << 53}[r.IntN(6)]
		}
		return int64(r.Uint64()) >> r.IntN(63)
	}
	x, y := make1(n, pick), make1(n, pick)
	var want []int64
	for i := range x {
		if y[i] == 0 {
			y[i] = 9
		}
		want = append(want, wideOperations(x[i], y[i])...)
	}
	d, f := kernel(t, "int64", "wide_integers")
	out := emutest.Out[int64](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), out)
	emutest.Equal(t, "out", out.Get(), want)

	const steps = 50
	state := make1(n, func(int) uint64 { return r.Uint64() })
	buffer := emutest.InOut(d, "state", state)
	d.Run(d.Function(emutest.KernelPath(kernelFolder, "int64"), "linear_congruential"), emutest.Grid1(n, 128), int32(n), int32(steps), buffer)
	emutest.Equal(t, "state", buffer.Get(), make1(n, func(i int) uint64 {
		s := state[i]
		for range steps {
			s = s*6364136223846793005 + 1442695040888963407
		}
		return s
	}))
}

// bigOperation computes with exact numbers, or 300 bits where the result has
// no end; no format used here can tell the difference.
func bigOperation(op string, x ...float64) *big.Float {
	v := emutest.Exact(x[0])
	switch op {
	case "+":
		return v.Add(v, emutest.Exact(x[1]))
	case "*":
		return v.Mul(v, emutest.Exact(x[1]))
	case "fma":
		return v.Add(v.Mul(v, emutest.Exact(x[1])), emutest.Exact(x[2]))
	case "/":
		return new(big.Float).SetPrec(300).Quo(v, emutest.Exact(x[1]))
	}
	return new(big.Float).SetPrec(300).Sqrt(v)
}

// rounded is an operation on finite or special operands with one rounding to f.
// IEEE arithmetic of the host gives NaN, infinities, and the signs of zeros.
func rounded(f emutest.Format, mode big.RoundingMode, op string, x ...float64) float64 {
	var host float64
	switch op {
	case "+":
		host = x[0] + x[1]
	case "*":
		host = x[0] * x[1]
	case "fma":
		host = math.FMA(x[0], x[1], x[2])
	case "/":
		host = x[0] / x[1]
	case "sqrt":
		host = math.Sqrt(x[0])
	}
	for _, v := range x {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return host
		}
	}
	if math.IsNaN(host) || op == "/" && x[1] == 0 {
		return host
	}
	exact := bigOperation(op, x...)
	if exact.Sign() != 0 {
		return f.Round(exact, mode)
	}
	// An exact zero of a sum of opposite terms is negative only when rounding
	// down (IEEE 754, 6.3); products and sums of equal zeros keep their sign.
	if mode == big.ToNegativeInf && (op == "+" && math.Signbit(x[0]) != math.Signbit(x[1]) ||
		op == "fma" && (math.Signbit(x[0]) != math.Signbit(x[1])) != math.Signbit(x[2])) {
		return math.Copysign(0, -1)
	}
	return host
}

// flush replaces a subnormal float32 by a zero of its sign.
func flush(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

func saturate(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}

// minNumber and maxNumber ignore one NaN and order the zeros.
func minNumber(a, b float64) float64 {
	if a != a {
		return b
	}
	if b != b {
		return a
	}
	return math.Min(a, b)
}

func maxNumber(a, b float64) float64 { return -minNumber(-a, -b) }

// roundings is what the kernel rounding writes for one triple.
func roundings(a, b, c float32) []float32 {
	x, y, z := float64(a), float64(b), float64(c)
	modes := []big.RoundingMode{big.ToNearestEven, big.ToZero, big.ToPositiveInf, big.ToNegativeInf}
	var out []float32
	each := func(op string, x ...float64) {
		for _, m := range modes {
			out = append(out, float32(rounded(emutest.Float32, m, op, x...)))
		}
	}
	each("+", x, y)
	each("*", x, y)
	each("fma", x, y, z)
	each("/", x, y)
	each("sqrt", math.Abs(x))
	fa, fb, fc := flush(a), flush(b), flush(c)
	for _, v := range []float64{
		rounded(emutest.Float32, big.ToNearestEven, "/", 1, x),
		rounded(emutest.Float32, big.ToPositiveInf, "/", 1, x),
		minNumber(x, y), maxNumber(x, y), saturate(x),
		math.Floor(x), math.Ceil(x), math.Trunc(x), math.RoundToEven(x), math.Copysign(x, y),
		float64(flush(float32(rounded(emutest.Float32, big.ToNearestEven, "fma", float64(fa), float64(fb), float64(fc))))),
		saturate(float64(flush(float32(rounded(emutest.Float32, big.ToNearestEven, "*", float64(fa), float64(fb)))))),
	} {
		out = append(out, float32(v))
	}
	return out
}

func TestKernelRounding(t *testing.T) {
	const n = 400
	r := random(63)
	pick := func(int) float32 { return anyFloat32(r) }
	x, y, z := make1(n, pick), make1(n, pick), make1(n, pick)
	var want []float32
	for i := range x {
		if i%3 == 0 { // cancellation close to a tie
			z[i] = -float32(x[i]*y[i]) * (1 + 0x1p-22)
		}
		want = append(want, roundings(x[i], y[i], z[i])...)
	}
	d, f := kernel(t, "rounding", "rounding")
	out := emutest.Out[float32](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "y", y), emutest.In(d, "z", z), out)
	emutest.Equal(t, "out (32 a thread)", out.Get(), want)
}

// toInteger converts with saturation; NaN gives the value in the last argument.
// PTX ISA, cvt: that is 0 for conversions of f16 and f32 to 32 bits and less,
// and the highest bit alone for conversions to 64 bits or from f64.
func toInteger(x float64, round func(float64) float64, low, high, nan int64) int64 {
	switch x = round(x); {
	case x != x:
		return nan
	case x <= float64(low):
		return low
	case x >= float64(high):
		return high
	}
	return int64(x)
}

func TestKernelConversions(t *testing.T) {
	const n = 400
	r := random(64)
	x := make1(n, func(int) float32 { return anyFloat32(r) })
	k := make1(n, func(int) int32 { return int32(r.Uint32()) >> r.IntN(31) })
	toF32 := func(x *big.Float, m big.RoundingMode) int32 {
		return int32(math.Float32bits(float32(emutest.Float32.Round(x, m))))
	}
	var want []int32
	for i, a := range x {
		v := float64(a)
		wide := toInteger(v, math.RoundToEven, math.MinInt64, math.MaxInt64, math.MinInt64)
		unsigned := uint64(0)
		if v != v {
			unsigned = 1 << 63
		} else if v >= 0x1p64 {
			unsigned = math.MaxUint64
		} else if v >= 1 {
			exact, _ := emutest.Exact(v).Uint64()
			unsigned = exact
		}
		whole := emutest.Exact(float64(k[i]))
		third := float64(k[i]) / 3
		want = append(want,
			int32(toInteger(v, math.RoundToEven, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(v, math.Trunc, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(v, math.Ceil, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(v, math.Floor, math.MinInt32, math.MaxInt32, 0)),
			int32(toInteger(v, math.RoundToEven, 0, math.MaxUint32, 0)),
			int32(toInteger(v, math.Trunc, 0, math.MaxUint32, 0)),
			int32(wide), int32(wide>>32), int32(unsigned), int32(unsigned>>32),
			toF32(whole, big.ToNearestEven), toF32(whole, big.ToZero), toF32(whole, big.ToPositiveInf), toF32(whole, big.ToNegativeInf),
			toF32(emutest.Exact(float64(uint32(k[i]))), big.ToNearestEven),
			toF32(new(big.Float).SetInt64(int64(k[i])*1000003), big.ToNearestEven),
			toF32(emutest.Exact(float64(k[i])*1e-3), big.ToNearestEven),
			toF32(emutest.Exact(third), big.ToPositiveInf),
			int32(toInteger(v, math.RoundToEven, math.MinInt32, math.MaxInt32, math.MinInt32)),
			int32(toInteger(v*0.25, math.Trunc, 0, math.MaxUint32, 1<<31)))
	}
	d, f := kernel(t, "rounding", "conversions")
	out := emutest.Out[int32](d, "out", len(want))
	d.Run(f, emutest.Grid1(n, 128), int32(n), emutest.In(d, "x", x), emutest.In(d, "k", k), out)
	emutest.Equal(t, "out (20 a thread)", out.Get(), want)
}
