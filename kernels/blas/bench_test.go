//go:build unix

package blas

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/unnoise/unnoise/kernels/simd"
)

// processorSeconds is the processor time of this process.
func processorSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkGemm compares the BLAS that is built in with the vector code of this project, in GFLOP per second of processor time, on the
// products of a convolutional network's step.
func BenchmarkGemm(b *testing.B) {
	shapes := []struct {
		transA, transB bool
		m, n, k        int
	}{{false, true, 224, 32, 288}, {false, true, 112, 64, 576}, {false, true, 49, 128, 1152}, {true, false, 32, 288, 224}, {true, false, 64, 576, 112},
		{true, false, 128, 1152, 49}, {false, true, 3136, 384, 128}, {false, false, 256, 256, 128}}
	for _, s := range shapes {
		x, y, z := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
		lda, ldb := s.k, s.n
		if s.transA {
			lda = s.m
		}
		if s.transB {
			ldb = s.k
		}
		for name, gemm := range map[string]func(){
			Name(): func() { Gemm(s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n) },
			"simd": func() { simd.Gemm(s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n) },
		} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.m, s.n, s.k, name), func(b *testing.B) {
				start := processorSeconds()
				for range b.N {
					gemm()
				}
				b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/(processorSeconds()-start)/1e9, "GFLOP/s")
			})
		}
	}
}
