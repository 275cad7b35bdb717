package linear

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// BenchmarkLinear has the dense layers of the fashion-mnist and cifar10-small networks: packed q, k, v and output projections
// of attention, and the time embedding.
func BenchmarkLinear(b *testing.B) {
	r := kernels.Randn
	for _, s := range []struct {
		name          string
		n, h, w, i, o int
	}{
		{"qkv 64x7x7 128-384", 64, 7, 7, 128, 384},
		{"out 64x7x7 128-128", 64, 7, 7, 128, 128},
		{"qkv 128x16x16 128-384", 128, 16, 16, 128, 384},
		{"shortcut 64x14x14 96-64", 64, 14, 14, 96, 64},
		{"time 64 128-512", 64, 1, 1, 128, 512},
	} {
		x, y, w := r(s.n, s.h, s.w, s.i), r(s.n, s.h, s.w, s.o), r(s.o, 1, 1, s.i)
		kerneltest.Benchmark(b, s.name, Linear{}, x, w, r(1, 1, 1, s.o))
		kerneltest.Benchmark(b, s.name, LinearDgrad{}, y, w)
		kerneltest.Benchmark(b, s.name, LinearWgrad{Bias: true}, x, y)
	}
}
