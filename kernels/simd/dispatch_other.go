//go:build !amd64

package simd

func addRows(dst, a, b Rows, rows, c int)    { addRowsGo(dst, a, b, rows, c) }
func mulRows(dst, a, b Rows, rows, c int)    { mulRowsGo(dst, a, b, rows, c) }
func mulAddRows(acc, a, b Rows, rows, c int) { mulAddRowsGo(acc, a, b, rows, c) }

func scaleRows(dst, x Rows, rows, c int, alpha float32) { scaleRowsGo(dst, x, rows, c, alpha) }

func linearCombinationRows(dst, a, b Rows, rows, c int, alpha, beta float32) {
	linearCombinationRowsGo(dst, a, b, rows, c, alpha, beta)
}

func expRows(dst, x Rows, rows, c int)          { expRowsGo(dst, x, rows, c) }
func sigmoidRows(dst, x Rows, rows, c int)      { sigmoidRowsGo(dst, x, rows, c) }
func siluRows(dst, x Rows, rows, c int)         { siluRowsGo(dst, x, rows, c) }
func geluRows(dst, x Rows, rows, c int)         { geluRowsGo(dst, x, rows, c) }
func siluGradRows(dst, x, dy Rows, rows, c int) { siluGradRowsGo(dst, x, dy, rows, c) }
func geluGradRows(dst, x, dy Rows, rows, c int) { geluGradRowsGo(dst, x, dy, rows, c) }

func affineRows(dst, x, scale, shift Rows, rows, c int) { affineRowsGo(dst, x, scale, shift, rows, c) }

func affineSiLURows(dst, x, scale, shift Rows, rows, c int) {
	affineSiLURowsGo(dst, x, scale, shift, rows, c)
}

func affineSiLUGradRows(dz, x, scale, shift, dy Rows, rows, c int) {
	affineSiLUGradRowsGo(dz, x, scale, shift, dy, rows, c)
}

func affineSumRows(dst, a, p, b, q, shift Rows, rows, c int) {
	affineSumRowsGo(dst, a, p, b, q, shift, rows, c)
}

func columnSums(sum []float32, x Rows, rows, c int)          { columnSumsGo(sum, x, rows, c) }
func columnDots(sum, dot []float32, dy, x Rows, rows, c int) { columnDotsGo(sum, dot, dy, x, rows, c) }

func sum(x []float32) float64               { return sumGo(x) }
func dot(a, b []float32) float64            { return dotGo(a, b) }
func sumSquaredDiff(a, b []float32) float64 { return sumSquaredDiffGo(a, b) }
func maximum(x []float32) float32           { return maximumGo(x) }

func expSubSum(dst, x []float32, max float32) float64 { return expSubSumGo(dst, x, max) }

func adamW(p, m, v, ema, g []float32, k *AdamWParams) { adamWGo(p, m, v, ema, g, k) }
