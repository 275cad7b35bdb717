// Package blas is the matrix product of the fast CPU kernels: this project's own in AVX2 or AVX-512 (kernels/simd) where the
// processor has them, gonum's in pure Go elsewhere. The build tag gonum leaves out the first, the tag openblas uses OpenBLAS for
// everything; both are for comparison. OpenBLAS runs single-threaded: callers split the work themselves.
package blas

import "gonum.org/v1/gonum/blas"

// Gemm computes C = alpha op(A) op(B) + beta C in row-major order: op(A) is m x k, op(B) k x n, C m x n; lda, ldb, ldc are the
// distances between stored rows. Where beta is 0, C is not read.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	if vector(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		return
	}
	library.Sgemm(trans(transA), trans(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func trans(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}
