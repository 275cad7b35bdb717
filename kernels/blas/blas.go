// Package blas is the matrix product of the fast CPU kernels. The default is gonum's BLAS in pure Go; the build tag
// openblas (set by the Makefile where OpenBLAS is found) uses OpenBLAS, single-threaded: callers split the work themselves.
package blas

import "gonum.org/v1/gonum/blas"

// Gemm computes C = alpha op(A) op(B) + beta C in row-major order on the calling goroutine: op(A) is m x k, op(B) k x n, C m x n;
// lda, ldb, ldc are the distances between stored rows.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	implementation.Sgemm(trans(transA), trans(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Name says which BLAS is built in.
func Name() string { return implementationName }

func trans(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}
