package optim

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// BenchmarkOptim has two million parameters, about those of the fashion-mnist network.
func BenchmarkOptim(b *testing.B) {
	const count = 2 << 20
	x := flat(count)
	kerneltest.Benchmark(b, "2M", GlobalNorm{}, x)
	kerneltest.Benchmark(b, "2M", AdamW{DecayElements: count - 5000}, x, x, kernels.RandUniform(0, 1, 1, 1, 1, count), x, x, scalar(1, 2), flagOf(FlagGood))
}
