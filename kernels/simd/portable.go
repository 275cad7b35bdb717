package simd

import "math"

func addRowsGo(dst, a, b Rows, rows, c int) {
	for r := range rows {
		d, x, y := dst.row(r, c), a.row(r, c), b.row(r, c)
		for i := range d {
			d[i] = x[i] + y[i]
		}
	}
}

func mulRowsGo(dst, a, b Rows, rows, c int) {
	for r := range rows {
		d, x, y := dst.row(r, c), a.row(r, c), b.row(r, c)
		for i := range d {
			d[i] = x[i] * y[i]
		}
	}
}

func mulAddRowsGo(acc, a, b Rows, rows, c int) {
	for r := range rows {
		d, x, y := acc.row(r, c), a.row(r, c), b.row(r, c)
		for i := range d {
			d[i] += x[i] * y[i]
		}
	}
}

func scaleRowsGo(dst, x Rows, rows, c int, alpha float32) {
	for r := range rows {
		d, s := dst.row(r, c), x.row(r, c)
		for i := range d {
			d[i] = alpha * s[i]
		}
	}
}

func linearCombinationRowsGo(dst, a, b Rows, rows, c int, alpha, beta float32) {
	for r := range rows {
		d, x, y := dst.row(r, c), a.row(r, c), b.row(r, c)
		for i := range d {
			d[i] = alpha*x[i] + beta*y[i]
		}
	}
}

func affineRowsGo(dst, x, scale, shift Rows, rows, c int) {
	for r := range rows {
		d, s, k, b := dst.row(r, c), x.row(r, c), scale.row(r, c), shift.row(r, c)
		for i := range d {
			d[i] = s[i]*k[i] + b[i]
		}
	}
}

func affineSumRowsGo(dst, a, p, b, q, shift Rows, rows, c int) {
	for r := range rows {
		d, s, t := dst.row(r, c), a.row(r, c), b.row(r, c)
		u, v, w := p.row(r, c), q.row(r, c), shift.row(r, c)
		for i := range d {
			d[i] = s[i]*u[i] + (t[i]*v[i] + w[i])
		}
	}
}

func columnSumsGo(sum []float32, x Rows, rows, c int) {
	for r := range rows {
		for i, v := range x.row(r, c) {
			sum[i] += v
		}
	}
}

func columnDotsGo(sum, dot []float32, dy, x Rows, rows, c int) {
	for r := range rows {
		d, s := dy.row(r, c), x.row(r, c)
		for i, v := range d {
			sum[i] += v
			dot[i] += v * s[i]
		}
	}
}

func sumGo(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func dotGo(a, b []float32) float64 {
	var s float64
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}

func sumSquaredDiffGo(a, b []float32) float64 {
	var s float64
	for i, v := range a {
		d := float64(v - b[i])
		s += d * d
	}
	return s
}

func maximumGo(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func adamWGo(p, m, v, ema, g []float32, k *AdamWParams) {
	for i := range p {
		d := k.GradScale * g[i]
		mi := k.Beta1*m[i] + k.OneMinus1*d
		vi := k.Beta2*v[i] + k.OneMinus2*(d*d)
		pi := k.Decay*p[i] - k.StepSize*mi/(float32(math.Sqrt(float64(vi)))*k.InvRoot2+k.Epsilon)
		m[i], v[i], p[i] = mi, vi, pi
		ema[i] += k.OneMinusEMA * (pi - ema[i])
	}
}
