package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowFunctions writes the element-wise functions.
func rowFunctions() {
	for _, f := range []rowFunction{
		{name: "addRowsAVX2", doc: "addRowsAVX2 computes dst = a + b.", sources: "a b", unroll: 4,
			body: func(in, _ []VecVirtual) VecVirtual { VADDPS(in[0], in[1], in[1]); return in[1] }},
		{name: "mulRowsAVX2", doc: "mulRowsAVX2 computes dst = a * b.", sources: "a b", unroll: 4,
			body: func(in, _ []VecVirtual) VecVirtual { VMULPS(in[0], in[1], in[1]); return in[1] }},
		{name: "mulAddRowsAVX2", doc: "mulAddRowsAVX2 computes dst += a * b.", sources: "a b", unroll: 4, inPlace: true,
			body: func(in, _ []VecVirtual) VecVirtual { VFMADD231PS(in[1], in[2], in[0]); return in[0] }},
		{name: "scaleRowsAVX2", doc: "scaleRowsAVX2 computes dst = alpha * x.", sources: "x", scalars: []string{"alpha"}, unroll: 4,
			body: func(in, s []VecVirtual) VecVirtual { VMULPS(in[0], s[0], in[0]); return in[0] }},
		{name: "linearCombinationRowsAVX2", doc: "linearCombinationRowsAVX2 computes dst = alpha*a + beta*b.", sources: "a b",
			scalars: []string{"alpha", "beta"}, unroll: 4,
			body: func(in, s []VecVirtual) VecVirtual {
				VMULPS(in[0], s[0], in[0])
				VFMADD231PS(in[1], s[1], in[0])
				return in[0]
			}},
		{name: "expRowsAVX2", doc: "expRowsAVX2 computes dst = exp(x).", sources: "x", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { return exp(in[0]) }},
		{name: "sigmoidRowsAVX2", doc: "sigmoidRowsAVX2 computes dst = 1 / (1 + exp(-x)).", sources: "x", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { return sigmoid(in[0]) }},
		{name: "siluRowsAVX2", doc: "siluRowsAVX2 computes dst = x * sigmoid(x).", sources: "x", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { return silu(in[0]) }},
		{name: "siluGradRowsAVX2", doc: "siluGradRowsAVX2 computes dst = dy * silu'(x).", sources: "x dy", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { return siluGrad(in[0], in[1]) }},
		{name: "geluRowsAVX2", doc: "geluRowsAVX2 computes dst = x * Phi(x).", sources: "x", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual {
				phi, _ := normal(in[0])
				VMULPS(phi, in[0], in[0])
				return in[0]
			}},
		{name: "geluGradRowsAVX2", doc: "geluGradRowsAVX2 computes dst = dy * (Phi(x) + x phi(x)).", sources: "x dy", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual {
				phi, density := normal(in[0])
				VMULPS(number("inverseRoot2Pi", 0.3989422804014327), density, density)
				VFMADD231PS(in[0], density, phi)
				VMULPS(in[1], phi, phi)
				return phi
			}},
		{name: "affineRowsAVX2", doc: "affineRowsAVX2 computes dst = x*scale + shift.", sources: "x scale shift", unroll: 4,
			body: func(in, _ []VecVirtual) VecVirtual { VFMADD132PS(in[1], in[2], in[0]); return in[0] }},
		{name: "affineSiLURowsAVX2", doc: "affineSiLURowsAVX2 computes dst = silu(x*scale + shift).", sources: "x scale shift", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { VFMADD132PS(in[1], in[2], in[0]); return silu(in[0]) }},
		{name: "affineSiLUGradRowsAVX2", doc: "affineSiLUGradRowsAVX2 computes dst = dy * silu'(x*scale + shift).",
			sources: "x scale shift dy", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual { VFMADD132PS(in[1], in[2], in[0]); return siluGrad(in[0], in[3]) }},
		{name: "affineSumRowsAVX2", doc: "affineSumRowsAVX2 computes dst = a*p + (b*q + shift).", sources: "a p b q shift", unroll: 2,
			body: func(in, _ []VecVirtual) VecVirtual {
				VFMADD231PS(in[2], in[3], in[4])
				VFMADD231PS(in[0], in[1], in[4])
				return in[4]
			}},
	} {
		f.generate()
	}
}

// Constants of exp: x = n ln 2 + r, |r| <= ln(2)/2, exp(r) = 1 + r + r^2 (e0 + ... + e4 r^4).
var polynomial = []float64{0.5, 0.166665770256, 0.0416665546621, 0.00836317307451, 0.00139261761199}

// reduced computes exp(r) and the integers n for x clamped to [lo, hi]; NaN stays NaN.
func reduced(x VecVirtual, loName string, lo float64, hiName string, hi float64) (y, n VecVirtual) {
	// MINPS and MAXPS give their second source where one of the two is NaN: x.
	clamped := held(number(hiName, hi))
	VMINPS(x, clamped, clamped)
	bound := held(number(loName, lo))
	VMAXPS(clamped, bound, clamped)
	n, r := YMM(), clamped
	VMULPS(number("log2e", 1.44269504088896341), clamped, n)
	VROUNDPS(U8(8), n, n) // to nearest even, no exception
	VFNMADD231PS(number("ln2hi", 0.693359375), n, r)
	VFNMADD231PS(number("ln2lo", -2.12194440054690583e-4), n, r)
	p := held(number("e4", polynomial[4]))
	for k, name := range []string{"e3", "e2", "e1", "e0"} {
		VFMADD213PS(number(name, polynomial[3-k]), r, p)
	}
	square := YMM()
	VMULPS(r, r, square)
	VFMADD213PS(r, square, p)
	VADDPS(number("one", 1), p, p)
	VCVTPS2DQ(n, n)
	return p, n
}

// exp computes exp(x); the power of two is applied in two halves, so that results overflow to +Inf and pass through the
// subnormals to 0.
func exp(x VecVirtual) VecVirtual {
	y, n := reduced(x, "expMin", -105, "expMax", 89)
	half := YMM()
	VPSRAD(U8(1), n, half)
	VPSUBD(half, n, n)
	for _, k := range []VecVirtual{half, n} {
		VPADDD(bits("bias", 127), k, k)
		VPSLLD(U8(23), k, k)
		VMULPS(k, y, y)
	}
	return y
}

// expOnce computes exp(x) with one factor 2^n: +Inf from 88.38 on, and never below exp(-87.3).
func expOnce(x VecVirtual) VecVirtual {
	y, n := reduced(x, "onceMin", -87.3, "onceMax", 88.8)
	VPADDD(bits("bias", 127), n, n)
	VPSLLD(U8(23), n, n)
	VMULPS(n, y, y)
	return y
}

// onePlusExpNeg computes 1 + exp(-x).
func onePlusExpNeg(x VecVirtual) VecVirtual {
	minus := YMM()
	VXORPS(bits("sign", 1<<31), x, minus)
	d := expOnce(minus)
	VADDPS(number("one", 1), d, d)
	return d
}

func sigmoid(x VecVirtual) VecVirtual {
	d, s := onePlusExpNeg(x), held(number("one", 1))
	VDIVPS(d, s, s)
	return s
}

func silu(x VecVirtual) VecVirtual {
	d := onePlusExpNeg(x)
	VDIVPS(d, x, x)
	return x
}

// siluGrad computes dy s (1 + x (1 - s)), s = sigmoid(x).
func siluGrad(x, dy VecVirtual) VecVirtual {
	s, t := sigmoid(x), held(number("one", 1))
	VSUBPS(s, t, t)
	VFMADD213PS(number("one", 1), x, t)
	VMULPS(dy, s, s)
	VMULPS(t, s, s)
	return s
}

// tailPolynomial is g of Phi(-a) = exp(-a^2/2) t g(t), t = 1 / (1 + 0.26 a), for 0 <= a <= 14: interpolated at Chebyshev
// nodes, relative error 6.4e-8. Beyond 14, exp(-a^2/2) is below 3e-43.
var tailPolynomial = []float64{0.1037688539293, 0.1028449788276, 0.1042917848139, 0.04595599947396, 0.173176696023,
	-0.1691004410488, 0.2677312318543, -0.1608581603149, 0.0321890587012}

// normal computes the normal distribution function Phi(x) and exp(-x^2/2).
func normal(x VecVirtual) (phi, e VecVirtual) {
	square := YMM()
	VMULPS(x, x, square)
	VMULPS(number("minusHalf", -0.5), square, square)
	e = expOnce(square)
	a := YMM()
	VANDPS(bits("magnitude", 1<<31-1), x, a)
	d, t := held(number("one", 1)), held(number("one", 1))
	VFMADD231PS(number("tailScale", 0.26), a, d)
	VDIVPS(d, t, t)
	names := []string{"g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7"}
	g := held(number("g8", tailPolynomial[8]))
	for k := len(names) - 1; k >= 0; k-- {
		VFMADD213PS(number(names[k], tailPolynomial[k]), t, g)
	}
	VMULPS(t, g, g)
	VMULPS(e, g, g)
	upper := held(number("one", 1))
	VSUBPS(g, upper, upper)
	phi = YMM()
	VBLENDVPS(x, g, upper, phi) // the sign of x picks the lower tail
	return phi, e
}
