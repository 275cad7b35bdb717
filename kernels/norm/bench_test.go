package norm

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// BenchmarkGroupNorm has the layers of the fashion-mnist and cifar10-small networks.
func BenchmarkGroupNorm(b *testing.B) {
	r := kernels.Randn
	for _, s := range []struct {
		name       string
		n, h, w, c int
		groups     int
		activation elementwise.Kind
		dropout    float64
	}{
		{"64x28x28x32", 64, 28, 28, 32, 8, elementwise.SiLU, 0},
		{"64x14x14x64", 64, 14, 14, 64, 8, elementwise.SiLU, 0},
		{"64x7x7x128", 64, 7, 7, 128, 8, elementwise.SiLU, 0},
		{"64x7x7x128 no activation", 64, 7, 7, 128, 8, elementwise.None, 0},
		{"64x32x32x64", 64, 32, 32, 64, 32, elementwise.SiLU, 0},
		{"64x32x32x64 dropout", 64, 32, 32, 64, 32, elementwise.SiLU, 0.1},
		{"64x16x16x128", 64, 16, 16, 128, 32, elementwise.SiLU, 0},
		{"64x8x8x128", 64, 8, 8, 128, 32, elementwise.SiLU, 0},
	} {
		x, v := r(s.n, s.h, s.w, s.c), r(1, 1, 1, s.c)
		op := GroupNorm{Groups: s.groups, Eps: 1e-5, Activation: s.activation, Dropout: s.dropout}
		kerneltest.Benchmark(b, s.name, op, x, v, v)
		kerneltest.Benchmark(b, s.name, GroupNormGrad(op), x, v, v, kernels.Absent(), kernels.RandUniform(0.5, 1, s.n, 1, s.groups, 2), x)
	}
}
