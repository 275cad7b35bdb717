package norm

import "github.com/unnoise/unnoise/kernels/simd"

// extent makes sure that rows of c elements lie inside a matrix, so that assembly never leaves it.
func extent(rows, c int, operands ...simd.Rows) {
	for _, m := range operands {
		_ = m.Data[(rows-1)*m.Pitch+c-1]
	}
}

// columnMoments writes the sums of d = x - pivot and of d^2 over the rows of each of c columns.
func columnMoments(sum, squares []float32, x simd.Rows, rows, c int, pivot []float32) {
	extent(rows, c, x)
	sum, squares, pivot = sum[:c], squares[:c], pivot[:c]
	w := wide(c)
	if w > 0 {
		momentsVector(sum, squares, x, rows, w, pivot)
	}
	clear(sum[w:])
	clear(squares[w:])
	for r := range rows {
		row := x.Data[r*x.Pitch:][:c]
		for i := w; i < c; i++ {
			d := row[i] - pivot[i]
			sum[i] += d
			squares[i] += d * d
		}
	}
}

// columnProducts writes the sums of dz and of dz (x - mean) over the rows of each of c columns.
func columnProducts(sum, product []float32, dz, x simd.Rows, rows, c int, mean []float32) {
	extent(rows, c, dz, x)
	sum, product, mean = sum[:c], product[:c], mean[:c]
	w := wide(c)
	if w > 0 {
		productsVector(sum, product, dz, x, rows, w, mean)
	}
	clear(sum[w:])
	clear(product[w:])
	for r := range rows {
		row, d := x.Data[r*x.Pitch:][:c], dz.Data[r*dz.Pitch:][:c]
		for i := w; i < c; i++ {
			sum[i] += d[i]
			product[i] += d[i] * (row[i] - mean[i])
		}
	}
}

// combine computes dx = dz scale + x slope + lift on c columns of each row; dx may be dz.
func combine(dx, dz, x simd.Rows, rows, c int, scale, slope, lift []float32) {
	extent(rows, c, dx, dz, x)
	scale, slope, lift = scale[:c], slope[:c], lift[:c]
	w := wide(c)
	if w > 0 {
		combineVector(dx, dz, x, rows, w, scale, slope, lift)
	}
	for r := range rows {
		to, from, row := dx.Data[r*dx.Pitch:][:c], dz.Data[r*dz.Pitch:][:c], x.Data[r*x.Pitch:][:c]
		for i := w; i < c; i++ {
			to[i] = from[i]*scale[i] + row[i]*slope[i] + lift[i]
		}
	}
}
