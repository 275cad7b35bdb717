package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// exponential is ex2.approx.f32, with and without .ftz: the same float64 steps as num.Ex2, so the bits are the same, too.
func exponential() {
	for _, flushed := range []bool{false, true} {
		name, doc := "ex2F32", "ex2.approx.f32."
		if flushed {
			name, doc = "ex2FlushedF32", "ex2.approx.ftz.f32."
		}
		p := begin(name, doc, 1)
		for i := range threads / lanes {
			x := loaded(p.a, i)
			if flushed {
				flush(x)
			}
			low, high := XMM(), XMM()
			VEXTRACTF128(U8(0), x, low)
			VEXTRACTF128(U8(1), x, high)
			r := YMM()
			VINSERTF128(U8(1), power(high), power(low).AsY(), r)
			if flushed {
				flush(r)
			}
			mask := YMM()
			VCMPPS(U8(unordered), x, x, mask)
			VBLENDVPS(mask, word("nan", 0x7fffffff), r, r)
			VMOVUPS(r, at(p.d, i))
		}
		end()
	}
}

// flush replaces subnormals by zeros of their sign.
func flush(v VecVirtual) {
	exponent, zero := YMM(), YMM()
	VPXOR(zero, zero, zero)
	VPAND(word("exponent", 0x7f800000), v, exponent)
	VPCMPEQD(zero, exponent, exponent)
	VANDPS(signBit(), v, zero)
	VBLENDVPS(exponent, zero, v, v)
}

// power is 2^x of four float32: 2^n times a polynomial in r = x - n, in float64.
func power(x VecVirtual) VecVirtual {
	v, n, r, p := YMM(), YMM(), YMM(), YMM()
	VCVTPS2PD(x, v)
	VMINPD(long("top", math.Float64bits(1000)), v, v)
	VMAXPD(long("bottom", math.Float64bits(-1000)), v, v)
	VROUNDPD(U8(8), v, n)
	VSUBPD(n, v, r)
	c := 1.0
	coefficient := [12]float64{1}
	for k := 1; k < len(coefficient); k++ {
		c = c * math.Ln2 / float64(k)
		coefficient[k] = c
	}
	names := "abcdefghijkl"
	VMOVUPD(long("exp2"+names[11:], math.Float64bits(coefficient[11])), p)
	for k := 10; k >= 0; k-- {
		VMULPD(r, p, p)
		VADDPD(long("exp2"+names[k:k+1], math.Float64bits(coefficient[k])), p, p)
	}
	whole, wide := XMM(), YMM()
	VCVTPD2DQY(n, whole)
	VPMOVSXDQ(whole, wide)
	VPADDQ(long("bias", 1023), wide, wide)
	VPSLLQ(U8(52), wide, wide)
	VMULPD(wide, p, p)
	out := XMM()
	VCVTPD2PSY(p, out)
	return out
}
