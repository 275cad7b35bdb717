package simd

import "math"

// Constants of exp: x = n ln 2 + r, |r| <= ln(2)/2, exp(r) = 1 + r + r^2 (e0 + e1 r + ... + e4 r^4), interpolated at
// Chebyshev nodes, error 1.0e-8. ln2Hi has 9 bits, so that n*ln2Hi is exact.
const (
	log2E = 1.44269504088896341
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440054690583e-4
	e0    = 0.5
	e1    = 0.166665770256
	e2    = 0.0416665546621
	e3    = 0.00836317307451
	e4    = 0.00139261761199

	expMax = 89   // above: +Inf
	expMin = -105 // below: 0
)

// expGo is exp(x) to about one unit in the last place; overflow gives +Inf, underflow passes through the subnormals to 0.
func expGo(x float32) float32 {
	switch {
	case x > expMax:
		return float32(math.Inf(1))
	case x < expMin:
		return 0
	case x != x:
		return x
	}
	n := float32(math.RoundToEven(float64(x * log2E)))
	r := x - n*ln2Hi
	r -= n * ln2Lo
	p := float32(e4)
	p = p*r + e3
	p = p*r + e2
	p = p*r + e1
	p = p*r + e0
	y := 1 + (r + r*r*p)
	k := int32(n)
	half := k >> 1
	return y * exp2(half) * exp2(k-half)
}

// exp2 returns 2^n for -126 <= n <= 127.
func exp2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

func sigmoidGo(x float32) float32 { return 1 / (1 + expGo(-x)) }

func siluGradGo(x float32) float32 {
	s := sigmoidGo(x)
	return s + x*s*(1-s)
}

// phiGo is the normal distribution function.
func phiGo(x float32) float32 { return float32(0.5 * math.Erfc(-float64(x)/math.Sqrt2)) }

func geluGradGo(x float32) float32 {
	const inverseRoot2Pi = 0.3989422804014327
	return phiGo(x) + x*(inverseRoot2Pi*expGo(-0.5*x*x))
}

func expRowsGo(dst, x Rows, rows, c int) {
	for r := range rows {
		d, s := dst.row(r, c), x.row(r, c)
		for i := range d {
			d[i] = expGo(s[i])
		}
	}
}

func sigmoidRowsGo(dst, x Rows, rows, c int) {
	for r := range rows {
		d, s := dst.row(r, c), x.row(r, c)
		for i := range d {
			d[i] = sigmoidGo(s[i])
		}
	}
}

func siluRowsGo(dst, x Rows, rows, c int) {
	for r := range rows {
		d, s := dst.row(r, c), x.row(r, c)
		for i := range d {
			d[i] = s[i] * sigmoidGo(s[i])
		}
	}
}

func siluGradRowsGo(dst, x, dy Rows, rows, c int) {
	for r := range rows {
		d, s, g := dst.row(r, c), x.row(r, c), dy.row(r, c)
		for i := range d {
			d[i] = g[i] * siluGradGo(s[i])
		}
	}
}

func geluRowsGo(dst, x Rows, rows, c int) {
	for r := range rows {
		d, s := dst.row(r, c), x.row(r, c)
		for i := range d {
			d[i] = s[i] * phiGo(s[i])
		}
	}
}

func geluGradRowsGo(dst, x, dy Rows, rows, c int) {
	for r := range rows {
		d, s, g := dst.row(r, c), x.row(r, c), dy.row(r, c)
		for i := range d {
			d[i] = g[i] * geluGradGo(s[i])
		}
	}
}

func affineSiLURowsGo(dst, x, scale, shift Rows, rows, c int) {
	for r := range rows {
		d, s, k, b := dst.row(r, c), x.row(r, c), scale.row(r, c), shift.row(r, c)
		for i := range d {
			z := s[i]*k[i] + b[i]
			d[i] = z * sigmoidGo(z)
		}
	}
}

func affineSiLUGradRowsGo(dz, x, scale, shift, dy Rows, rows, c int) {
	for r := range rows {
		d, s, k, b, g := dz.row(r, c), x.row(r, c), scale.row(r, c), shift.row(r, c), dy.row(r, c)
		for i := range d {
			d[i] = g[i] * siluGradGo(s[i]*k[i]+b[i])
		}
	}
}

func expSubSumGo(dst, x []float32, max float32) float64 {
	var s float64
	for i, v := range x {
		e := expGo(v - max)
		dst[i] = e
		s += float64(e)
	}
	return s
}
