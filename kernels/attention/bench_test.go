package attention

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// BenchmarkAttention has the layers of the fashion-mnist and cifar10-small networks, with q, k and v in one packed buffer.
func BenchmarkAttention(b *testing.B) {
	for _, s := range []struct {
		name              string
		n, h, w, c, heads int
	}{
		{"64x7x7x128 heads 1", 64, 7, 7, 128, 1},
		{"64x7x7x128 heads 16", 64, 7, 7, 128, 16},
		{"64x16x16x128 heads 1", 64, 16, 16, 128, 1},
		{"64x16x16x128 heads 16", 64, 16, 16, 128, 16},
	} {
		x := kernels.RandnPitch(s.n, s.h, s.w, s.c, 3*s.c)
		o := kernels.Randn(s.n, s.h, s.w, s.c)
		op := Attention{Heads: s.heads}
		kerneltest.Benchmark(b, s.name, op, x, x, x)
		kerneltest.Benchmark(b, s.name, AttentionGrad(op), x, x, x, o, kernels.RandUniform(5, 6, s.n, 1, s.heads, s.h*s.w), o)
	}
}
