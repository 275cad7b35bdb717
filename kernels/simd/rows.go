package simd

// AddRows computes dst = a + b on c columns of each row.
func AddRows(dst, a, b Rows, rows, c int) {
	if check(rows, c, dst, a, b) {
		addRows(dst, a, b, rows, c)
	}
}

// MulRows computes dst = a * b.
func MulRows(dst, a, b Rows, rows, c int) {
	if check(rows, c, dst, a, b) {
		mulRows(dst, a, b, rows, c)
	}
}

// MulAddRows computes acc += a * b.
func MulAddRows(acc, a, b Rows, rows, c int) {
	if check(rows, c, acc, a, b) {
		mulAddRows(acc, a, b, rows, c)
	}
}

// ScaleRows computes dst = alpha * x.
func ScaleRows(dst Rows, alpha float32, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		scaleRows(dst, x, rows, c, alpha)
	}
}

// LinearCombinationRows computes dst = alpha*a + beta*b.
func LinearCombinationRows(dst Rows, alpha float32, a Rows, beta float32, b Rows, rows, c int) {
	if check(rows, c, dst, a, b) {
		linearCombinationRows(dst, a, b, rows, c, alpha, beta)
	}
}

// ExpRows computes dst = exp(x).
func ExpRows(dst, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		expRows(dst, x, rows, c)
	}
}

// SigmoidRows computes dst = 1 / (1 + exp(-x)).
func SigmoidRows(dst, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		sigmoidRows(dst, x, rows, c)
	}
}

// SiLURows computes dst = x * sigmoid(x).
func SiLURows(dst, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		siluRows(dst, x, rows, c)
	}
}

// SiLUGradRows computes dst = dy * silu'(x).
func SiLUGradRows(dst, x, dy Rows, rows, c int) {
	if check(rows, c, dst, x, dy) {
		siluGradRows(dst, x, dy, rows, c)
	}
}

// GELURows computes dst = x * Phi(x).
func GELURows(dst, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		geluRows(dst, x, rows, c)
	}
}

// GELUGradRows computes dst = dy * (Phi(x) + x phi(x)).
func GELUGradRows(dst, x, dy Rows, rows, c int) {
	if check(rows, c, dst, x, dy) {
		geluGradRows(dst, x, dy, rows, c)
	}
}

// AffineRows computes dst = x*scale + shift; scale and shift are usually Row(per-channel vector).
func AffineRows(dst, x, scale, shift Rows, rows, c int) {
	if check(rows, c, dst, x, scale, shift) {
		affineRows(dst, x, scale, shift, rows, c)
	}
}

// AffineSiLURows computes dst = silu(x*scale + shift).
func AffineSiLURows(dst, x, scale, shift Rows, rows, c int) {
	if check(rows, c, dst, x, scale, shift) {
		affineSiLURows(dst, x, scale, shift, rows, c)
	}
}

// AffineSiLUGradRows computes dz = dy * silu'(x*scale + shift).
func AffineSiLUGradRows(dz, x, scale, shift, dy Rows, rows, c int) {
	if check(rows, c, dz, x, scale, shift, dy) {
		affineSiLUGradRows(dz, x, scale, shift, dy, rows, c)
	}
}

// AffineSumRows computes dst = a*p + b*q + shift, the shape of a normalisation's input gradient; p, q and shift are usually
// Row(per-channel vector).
func AffineSumRows(dst, a, p, b, q, shift Rows, rows, c int) {
	if check(rows, c, dst, a, p, b, q, shift) {
		affineSumRows(dst, a, p, b, q, shift, rows, c)
	}
}

// columnBlock bounds the rows that are summed in float32 before callers' accumulators grow by the result.
const columnBlock = 256

// ColumnSums adds the sum of each column of x (rows x len(sum)) to sum. Runs of at most 256 rows are summed in float32.
func ColumnSums(sum []float64, x Rows, rows int) {
	columns(rows, len(sum), func(lo, n, from, to int, s, _ []float32) {
		columnSums(s, x.at(lo, from), n, to-from)
		flush(sum[from:to], s)
	}, x)
}

// ColumnMoments adds the sum of each column of x to sum and the sum of its squares to squares.
func ColumnMoments(sum, squares []float64, x Rows, rows int) {
	columns(rows, len(sum), func(lo, n, from, to int, s, d []float32) {
		columnDots(s, d, x.at(lo, from), x.at(lo, from), n, to-from)
		flush(sum[from:to], s)
		flush(squares[from:to], d)
	}, x)
}

// ColumnDots adds the sum of each column of dy to sum and the sum of dy*x to dot.
func ColumnDots(sum, dot []float64, dy, x Rows, rows int) {
	columns(rows, len(sum), func(lo, n, from, to int, s, d []float32) {
		columnDots(s, d, dy.at(lo, from), x.at(lo, from), n, to-from)
		flush(sum[from:to], s)
		flush(dot[from:to], d)
	}, dy, x)
}

// at returns the matrix that starts at row r, column c.
func (m Rows) at(r, c int) Rows { return Rows{Data: m.Data[r*m.Pitch+c:], Pitch: m.Pitch} }

// columnChunk is how many columns are summed at a time.
const columnChunk = 64

// columns calls fn for every block of rows lo..lo+n-1 and columns from..to-1 with cleared accumulators.
func columns(rows, c int, fn func(lo, n, from, to int, s, d []float32), operands ...Rows) {
	if !check(rows, c, operands...) {
		return
	}
	var s, d [columnChunk]float32
	for lo := 0; lo < rows; lo += columnBlock {
		n := min(columnBlock, rows-lo)
		for from := 0; from < c; from += columnChunk {
			to := min(from+columnChunk, c)
			clear(s[:])
			clear(d[:])
			fn(lo, n, from, to, s[:to-from], d[:to-from])
		}
	}
}

func flush(acc []float64, s []float32) {
	for i, v := range s {
		acc[i] += float64(v)
	}
}

// CopyRows computes dst = x.
func CopyRows(dst, x Rows, rows, c int) {
	if check(rows, c, dst, x) {
		for r := range rows {
			copy(dst.row(r, c), x.row(r, c))
		}
	}
}
