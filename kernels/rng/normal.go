package rng

import "math"

// Box-Muller in float32. Every step below is one IEEE-754 binary32 operation
// (add, subtract, multiply, square root, integer-to-float conversion) rounded to
// nearest even, in exactly the order written. Nothing may be fused into an FMA or
// reassociated: Go code says so with explicit float32 conversions, CUDA code with
// __fadd_rn, __fsub_rn, __fmul_rn, __fsqrt_rn and __uint2float_rn. All backends
// then agree in every bit.
//
// With u(w) = (w + 1/2) * 2^-32, which is neither 0 nor 1 for any word w, a pair
// of words (w0, w1) gives r*(cos a, sin a), r = sqrt(-2 ln u(w0)), a = 2*pi*u(w1).
// |r| lies in [2^-16, 6.765].

// Constants of MinusTwoLog.
const (
	logSplit  = 0xB504F334 // the first word w with u(w) >= sqrt(1/2)
	sqrtHalf  = 0x3F3504F3 // bits of float32(sqrt(1/2))
	ln2Hi     = float32(0.693359375)
	ln2Lo     = float32(-2.12194440e-4)
	wordScale = float32(0x1p-32)
)

// log(1+f) = f - f^2/2 + f^3*(l0 + l1 f + ... + l8 f^8) on
// [sqrt(1/2)-1, sqrt(2)-1]: minimax in the error relative to f, 7.3e-10.
const (
	l0 = float32(0.3333331048488617)
	l1 = float32(-0.24999986588954926)
	l2 = float32(0.20002226531505585)
	l3 = float32(-0.16669252514839172)
	l4 = float32(0.14218665659427643)
	l5 = float32(-0.12384333461523056)
	l6 = float32(0.11872908473014832)
	l7 = float32(-0.11789869517087936)
	l8 = float32(0.06915586441755295)
)

// sin(pi/4 t) = t - t*(s0 + s1 z + s2 z^2 + s3 z^3), error 2.4e-9, and
// cos(pi/4 t) = 1 - z*(c0 + c1 z + c2 z^2 + c3 z^3), error 5.4e-11, z = t^2, t in [0, 1].
const (
	s0 = float32(0.21460184454917908)
	s1 = float32(0.08074543625116348)
	s2 = float32(-0.002490007085725665)
	s3 = float32(3.595450834836811e-05)

	c0 = float32(0.3084251284599304)
	c1 = float32(-0.015854327008128166)
	c2 = float32(0.0003259420918766409)
	c3 = float32(-3.5313726129970746e-06)
)

// MinusTwoLog returns -2 ln((w + 1/2) * 2^-32), at least 2^-32 and at most 45.75.
//
// Above sqrt(1/2) the distance to 1 is taken from the complement of w, so that
// the result keeps its relative accuracy down to the smallest value; below, the
// number is split as m * 2^k, m in [sqrt(1/2), sqrt(2)), on its bits.
func MinusTwoLog(w uint32) float32 {
	var e, f float32
	if w >= logSplit {
		h := float32(float32(^w) + 0.5)
		f = -float32(h * wordScale)
	} else {
		b := math.Float32bits(float32(float32(w) + 0.5))
		k := int32(b-sqrtHalf) >> 23 // floor; b >= bits(0.5), so the difference fits
		f = float32(math.Float32frombits(b-uint32(k)<<23) - 1)
		e = float32(k - 32)
	}
	p := float32(f*l8) + l7
	p = float32(f*p) + l6
	p = float32(f*p) + l5
	p = float32(f*p) + l4
	p = float32(f*p) + l3
	p = float32(f*p) + l2
	p = float32(f*p) + l1
	p = float32(f*p) + l0
	z := float32(f * f)
	y := float32(float32(z*f) * p)
	y = float32(y + float32(e*ln2Lo))
	y = float32(y - float32(0.5*z))
	x := float32(f + y)
	x = float32(x + float32(e*ln2Hi)) // e*ln2Hi is exact
	return float32(-2 * x)
}

// SinCos returns sin(2 pi u) and cos(2 pi u), u = (w + 1/2) * 2^-32.
//
// The octant is the top three bits of w, and an odd octant is mirrored by
// complementing the other 29: the reduction is exact. t in (0, 1] is the
// distance from the nearest multiple of a quarter turn in units of pi/4.
func SinCos(w uint32) (sin, cos float32) {
	octant := w >> 29
	mirror := -(octant & 1) // all ones in odd octants
	h := float32(float32((w^mirror)&0x1FFFFFFF) + 0.5)
	t := float32(h * 0x1p-29)
	z := float32(t * t)
	p := float32(z*s3) + s2
	p = float32(z*p) + s1
	p = float32(z*p) + s0
	q := float32(z*c3) + c2
	q = float32(z*q) + c1
	q = float32(z*q) + c0
	a := float32(t - float32(t*p))
	b := float32(1 - float32(z*q))
	// The angle is quarter*pi/2 plus or (odd octant) minus the reduced one; signs
	// are exact, applied on the sign bit.
	quarter := (octant + 1) >> 1 & 3
	sb, cb := math.Float32bits(a)^(mirror&0x80000000), math.Float32bits(b)
	if quarter&1 != 0 {
		sb, cb = cb, sb^0x80000000
	}
	flip := (quarter & 2) << 30
	return math.Float32frombits(sb ^ flip), math.Float32frombits(cb ^ flip)
}

// BoxMuller turns two random words into two independent standard normals,
// cosine first.
func BoxMuller(w0, w1 uint32) (float32, float32) {
	r := float32(math.Sqrt(float64(MinusTwoLog(w0)))) // one correctly rounded float32 root
	sin, cos := SinCos(w1)
	return float32(r * cos), float32(r * sin)
}

// Normal4 turns four random words into four independent standard normals:
// Box-Muller of words (0, 1), then of words (2, 3). The error against float64
// arithmetic is below 1e-6.
func Normal4(w [4]uint32) [4]float32 {
	n0, n1 := BoxMuller(w[0], w[1])
	n2, n3 := BoxMuller(w[2], w[3])
	return [4]float32{n0, n1, n2, n3}
}

// FillNormal writes the standard normals of elements 0..len(dst)-1 of one
// sample.
func FillNormal(dst []float32, seed uint64, sample, step, stream uint32) {
	key, c := Key(seed), Counter(0, sample, step, stream)
	n := len(dst) &^ 3
	for i := 0; i < n; i += 4 {
		w := Philox4x32(c, key)
		d := dst[i : i+4 : i+4]
		d[0], d[1] = BoxMuller(w[0], w[1])
		d[2], d[3] = BoxMuller(w[2], w[3])
		c[0]++
	}
	if n < len(dst) {
		v := Normal4(Philox4x32(c, key))
		copy(dst[n:], v[:])
	}
}
