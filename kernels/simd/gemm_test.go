package simd

import (
	"fmt"
	"math"
	"testing"
)

// gemmPaths runs a test with each vector unit that the processor has.
func gemmPaths(t *testing.T, test func(t *testing.T)) {
	if !canGemm() {
		if Gemm(false, false, 1, 1, 1, 1, []float32{1}, 1, []float32{1}, 1, 0, []float32{0}, 1) {
			t.Error("Gemm claims to have run")
		}
		t.Skip("this processor has no vector unit that Gemm knows")
	}
	vectorUnits(t, test)
}

func TestGemm(t *testing.T) { gemmPaths(t, testGemm) }

func testGemm(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {6, 16, 8}, {7, 17, 9}, {12, 32, 40}, {13, 33, 257}, {5, 3, 300}, {29, 70, 65}, {145, 31, 20}, {130, 530, 10},
		{3, 64, 500}, {25, 9, 7}, {64, 288, 50},
		{40, 1, 37}, {9, 2, 288}, {31, 3, 64}}
	for _, s := range sizes {
		for variant := range 4 {
			for _, scale := range [][2]float32{{1, 0}, {1, 1}, {-0.5, 0.25}} {
				checkGemm(t, s[0], s[1], s[2], variant&1 != 0, variant&2 != 0, scale[0], scale[1])
			}
		}
	}
}

// checkGemm compares a product with float64 sums, and looks at the numbers between the rows of C.
func checkGemm(t *testing.T, m, n, k int, transA, transB bool, alpha, beta float32) {
	t.Helper()
	at := func(x []float32, ld, i, j int, trans bool) float64 {
		if trans {
			i, j = j, i
		}
		return float64(x[i*ld+j])
	}
	rowsA, lda, rowsB, ldb, ldc := m, k+2, k, n+1, n+3
	if transA {
		rowsA, lda = k, m+2
	}
	if transB {
		rowsB, ldb = n, k+1
	}
	a, b, c := randn(rowsA*lda, 1), randn(rowsB*ldb, 2), randn(m*ldc, 3)
	before := append([]float32(nil), c...)
	if beta == 0 {
		for i := range c {
			if i%ldc < n {
				c[i] = float32(math.NaN()) // must not be read
			}
		}
	}
	if !Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		t.Fatal("Gemm did not run")
	}
	for i := range c {
		r, j := i/ldc, i%ldc
		want := float64(before[i])
		var size float64
		if j < n {
			var sum float64
			for p := range k {
				v := at(a, lda, r, p, transA) * at(b, ldb, p, j, transB)
				sum += v
				size += math.Abs(v)
			}
			want = float64(alpha) * sum
			if beta != 0 {
				want += float64(beta) * float64(before[i])
			}
		}
		if d := math.Abs(float64(c[i]) - want); !(d <= 1e-6*(size+math.Abs(want))) {
			t.Fatalf("%dx%dx%d transposed %v %v, alpha %g beta %g: element %d,%d is %g, want %g", m, n, k, transA, transB, alpha, beta, r, j, c[i], want)
		}
	}
}

func TestGemmEdges(t *testing.T) { gemmPaths(t, testGemmEdges) }

func testGemmEdges(t *testing.T) {
	c := []float32{1, 2}
	Gemm(false, false, 1, 2, 0, 1, nil, 1, nil, 2, 0.5, c, 2)
	if c[0] != 0.5 || c[1] != 1 {
		t.Errorf("a product of depth 0 with beta 0.5 gives %v", c)
	}
	Gemm(false, false, 0, 2, 3, 1, nil, 3, nil, 2, 0, nil, 2)
	defer func() {
		if recover() == nil {
			t.Error("a matrix larger than its slice was accepted")
		}
	}()
	Gemm(false, false, 2, 2, 2, 1, make([]float32, 3), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
}

// BenchmarkGemm reports GFLOP/s on shapes of a small U-Net: pixels x output channels x taps.
func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{784, 32, 288, false, true}, {784, 64, 576, false, true}, {196, 128, 1152, false, true}, // forward
		{64, 576, 784, true, false}, {128, 1152, 196, true, false}, // weight gradient
		{512, 512, 512, false, false}, {49, 49, 64, false, true}, {784, 1, 288, false, true},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k), func(b *testing.B) {
			x, y, c := randn(s.m*s.k, 1), randn(s.k*s.n, 2), make([]float32, s.m*s.n)
			lda, ldb := s.k, s.n
			if s.transA {
				lda = s.m
			}
			if s.transB {
				ldb = s.k
			}
			for b.Loop() {
				if !Gemm(s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, c, s.n) {
					b.Skip("this processor has no vector unit that Gemm knows")
				}
			}
			b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
