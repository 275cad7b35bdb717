package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGemm holds the product that is built in to sums in float64, for both orders of both operands and rows wider than the matrix.
func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {17, 33, 9}, {64, 48, 130}, {5, 1, 40}, {130, 70, 3}} {
		for mask := range 4 {
			for _, beta := range []float32{0, 1, 0.5} {
				transA, transB := mask&1 != 0, mask&2 != 0
				t.Run(fmt.Sprint(s, transA, transB, beta), func(t *testing.T) { checkGemm(t, rng, transA, transB, s[0], s[1], s[2], beta) })
			}
		}
	}
}

func checkGemm(t *testing.T, rng *rand.Rand, transA, transB bool, m, n, k int, beta float32) {
	fill := func(rows, ld int) []float32 {
		x := make([]float32, rows*ld)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	ra, ca, rb, cb := m, k, k, n
	if transA {
		ra, ca = k, m
	}
	if transB {
		rb, cb = n, k
	}
	lda, ldb, ldc := ca+3, cb+1, n+2
	a, b, c := fill(ra, lda), fill(rb, ldb), fill(m, ldc)
	want := append([]float32(nil), c...)
	for i := range m {
		for j := range n {
			sum := 0.0
			for p := range k {
				ia, ib := i*lda+p, p*ldb+j
				if transA {
					ia = p*lda + i
				}
				if transB {
					ib = j*ldb + p
				}
				sum += float64(a[ia]) * float64(b[ib])
			}
			want[i*ldc+j] = float32(2*sum + float64(beta)*float64(c[i*ldc+j]))
		}
	}
	if beta == 0 {
		for i := range c {
			if i%ldc < n {
				c[i] = float32(math.NaN()) // must not be read
			}
		}
	}
	Gemm(transA, transB, m, n, k, 2, a, lda, b, ldb, beta, c, ldc)
	for i := range c {
		if d := math.Abs(float64(c[i] - want[i])); !(d <= 1e-4) {
			t.Fatalf("element %d is %g, want %g", i, c[i], want[i])
		}
	}
}
