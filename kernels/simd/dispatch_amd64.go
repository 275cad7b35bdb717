package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go run ./gen -out asm_amd64.s -stubs stubs_amd64.go -pkg simd

// useAVX2 is set once at start; tests switch it off to check the portable loops on the same machine.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// ptr returns the first element of a matrix; its extent has been checked.
func (m Rows) ptr() *float32 { return unsafe.SliceData(m.Data) }

// bytes returns the distance between rows in bytes.
func (m Rows) bytes() int { return 4 * m.Pitch }

func addRows(dst, a, b Rows, rows, c int) {
	if useAVX2 {
		addRowsAVX2(dst.ptr(), dst.bytes(), a.ptr(), a.bytes(), b.ptr(), b.bytes(), rows, c)
		return
	}
	addRowsGo(dst, a, b, rows, c)
}

func mulRows(dst, a, b Rows, rows, c int) {
	if useAVX2 {
		mulRowsAVX2(dst.ptr(), dst.bytes(), a.ptr(), a.bytes(), b.ptr(), b.bytes(), rows, c)
		return
	}
	mulRowsGo(dst, a, b, rows, c)
}

func mulAddRows(acc, a, b Rows, rows, c int) {
	if useAVX2 {
		mulAddRowsAVX2(acc.ptr(), acc.bytes(), a.ptr(), a.bytes(), b.ptr(), b.bytes(), rows, c)
		return
	}
	mulAddRowsGo(acc, a, b, rows, c)
}

func scaleRows(dst, x Rows, rows, c int, alpha float32) {
	if useAVX2 {
		scaleRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), rows, c, alpha)
		return
	}
	scaleRowsGo(dst, x, rows, c, alpha)
}

func linearCombinationRows(dst, a, b Rows, rows, c int, alpha, beta float32) {
	if useAVX2 {
		linearCombinationRowsAVX2(dst.ptr(), dst.bytes(), a.ptr(), a.bytes(), b.ptr(), b.bytes(), rows, c, alpha, beta)
		return
	}
	linearCombinationRowsGo(dst, a, b, rows, c, alpha, beta)
}

func expRows(dst, x Rows, rows, c int) {
	if useAVX2 {
		expRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), rows, c)
		return
	}
	expRowsGo(dst, x, rows, c)
}

func sigmoidRows(dst, x Rows, rows, c int) {
	if useAVX2 {
		sigmoidRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), rows, c)
		return
	}
	sigmoidRowsGo(dst, x, rows, c)
}

func siluRows(dst, x Rows, rows, c int) {
	if useAVX2 {
		siluRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), rows, c)
		return
	}
	siluRowsGo(dst, x, rows, c)
}

func geluRows(dst, x Rows, rows, c int) {
	if useAVX2 {
		geluRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), rows, c)
		return
	}
	geluRowsGo(dst, x, rows, c)
}

func siluGradRows(dst, x, dy Rows, rows, c int) {
	if useAVX2 {
		siluGradRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), dy.ptr(), dy.bytes(), rows, c)
		return
	}
	siluGradRowsGo(dst, x, dy, rows, c)
}

func geluGradRows(dst, x, dy Rows, rows, c int) {
	if useAVX2 {
		geluGradRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), dy.ptr(), dy.bytes(), rows, c)
		return
	}
	geluGradRowsGo(dst, x, dy, rows, c)
}

func affineRows(dst, x, scale, shift Rows, rows, c int) {
	if useAVX2 {
		affineRowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), scale.ptr(), scale.bytes(), shift.ptr(), shift.bytes(), rows, c)
		return
	}
	affineRowsGo(dst, x, scale, shift, rows, c)
}

func affineSiLURows(dst, x, scale, shift Rows, rows, c int) {
	if useAVX2 {
		affineSiLURowsAVX2(dst.ptr(), dst.bytes(), x.ptr(), x.bytes(), scale.ptr(), scale.bytes(), shift.ptr(), shift.bytes(), rows, c)
		return
	}
	affineSiLURowsGo(dst, x, scale, shift, rows, c)
}

func affineSiLUGradRows(dz, x, scale, shift, dy Rows, rows, c int) {
	if useAVX2 {
		affineSiLUGradRowsAVX2(dz.ptr(), dz.bytes(), x.ptr(), x.bytes(), scale.ptr(), scale.bytes(), shift.ptr(), shift.bytes(),
			dy.ptr(), dy.bytes(), rows, c)
		return
	}
	affineSiLUGradRowsGo(dz, x, scale, shift, dy, rows, c)
}

func affineSumRows(dst, a, p, b, q, shift Rows, rows, c int) {
	if useAVX2 {
		affineSumRowsAVX2(dst.ptr(), dst.bytes(), a.ptr(), a.bytes(), p.ptr(), p.bytes(), b.ptr(), b.bytes(), q.ptr(), q.bytes(),
			shift.ptr(), shift.bytes(), rows, c)
		return
	}
	affineSumRowsGo(dst, a, p, b, q, shift, rows, c)
}

func columnSums(sum []float32, x Rows, rows, c int) {
	if useAVX2 {
		columnSumsAVX2(&sum[0], x.ptr(), x.bytes(), rows, c)
		return
	}
	columnSumsGo(sum, x, rows, c)
}

func columnDots(sum, dot []float32, dy, x Rows, rows, c int) {
	if useAVX2 {
		columnDotsAVX2(&sum[0], &dot[0], dy.ptr(), dy.bytes(), x.ptr(), x.bytes(), rows, c)
		return
	}
	columnDotsGo(sum, dot, dy, x, rows, c)
}

func sum(x []float32) float64 {
	if useAVX2 {
		return sumAVX2(&x[0], len(x))
	}
	return sumGo(x)
}

func dot(a, b []float32) float64 {
	if useAVX2 {
		return dotAVX2(&a[0], &b[0], len(a))
	}
	return dotGo(a, b)
}

func sumSquaredDiff(a, b []float32) float64 {
	if useAVX2 {
		return sumSquaredDiffAVX2(&a[0], &b[0], len(a))
	}
	return sumSquaredDiffGo(a, b)
}

func maximum(x []float32) float32 {
	if useAVX2 {
		return maximumAVX2(&x[0], len(x))
	}
	return maximumGo(x)
}

func expSubSum(dst, x []float32, max float32) float64 {
	if useAVX2 {
		return expSubSumAVX2(&dst[0], &x[0], len(dst), max)
	}
	return expSubSumGo(dst, x, max)
}

func adamW(p, m, v, ema, g []float32, k *AdamWParams) {
	if useAVX2 {
		adamWAVX2(&p[0], &m[0], &v[0], &ema[0], &g[0], len(p), &k.GradScale)
		return
	}
	adamWGo(p, m, v, ema, g, k)
}
