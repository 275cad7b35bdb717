package simd

// Gemm computes C = alpha op(A) op(B) + beta C in row-major order on the calling goroutine: op(A) is m x k, op(B) k x n,
// C m x n; lda, ldb and ldc are the distances between stored rows; C overlaps neither A nor B. Where beta is 0, C is not
// read. It reports false, with nothing written, where the processor has no vector unit that the package knows.
//
// The scheme is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): a strip of B is
// packed so that the inner kernel reads it in order, and a small tile of C stays in registers. A is read in place: the
// kernel takes one number of each row at a time, so either order of A is a stride.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) bool {
	if !canGemm() {
		return false
	}
	if m <= 0 || n <= 0 {
		return true
	}
	checkMatrix(c, m, n, ldc)
	if k <= 0 || alpha == 0 {
		scaleMatrix(c, m, n, ldc, beta)
		return true
	}
	rowsA, colsA, rowsB, colsB := m, k, k, n
	g := product{m: m, n: n, k: k, alpha: alpha, a: a, rowStride: lda, step: 1, b: b, ldb: ldb, transB: transB, c: c, ldc: ldc}
	if transA {
		rowsA, colsA = k, m
		g.rowStride, g.step = 1, lda
	}
	if transB {
		rowsB, colsB = n, k
	}
	checkMatrix(a, rowsA, colsA, lda)
	checkMatrix(b, rowsB, colsB, ldb)
	if beta != 0 && beta != 1 {
		scaleMatrix(c, m, n, ldc, beta)
	}
	g.run(beta != 0)
	return true
}

// product is a matrix product with its operands' layout.
type product struct {
	m, n, k         int
	alpha           float32
	a               []float32
	rowStride, step int // distance between rows of op(A) and between its columns
	b               []float32
	ldb             int
	transB          bool
	c               []float32
	ldc             int
}

// checkMatrix makes sure that rows x cols elements fit in a slice, so that assembly never leaves it.
func checkMatrix(x []float32, rows, cols, ld int) {
	if ld < cols || len(x) < (rows-1)*ld+cols {
		panic("simd: matrix larger than its slice")
	}
}

// scaleMatrix computes C = beta C; 0 clears it.
func scaleMatrix(c []float32, m, n, ldc int, beta float32) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
		} else {
			Scale(row, beta, row)
		}
	}
}
