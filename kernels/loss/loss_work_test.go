package loss

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestWork counts the 32-byte sectors that the kernels touch, the step's scalars, weights and sums of parts too: at most 1.05 of
// what the large operands fill. No bank conflicts.
func TestWork(t *testing.T) {
	x, weight := kernels.Randn(16, 32, 32, 64), kernels.RandUniform(0, 3, 16, 1, 1, 1)
	n := float64(x.Spec.Elements())
	for _, tt := range []struct {
		op    kernels.Operator
		ideal float64
	}{{Loss{Kind: MSE}, 8}, {Loss{Huber, 0.7}, 8}, {Loss{Kind: L1}, 8}, {LossGrad{Kind: MSE}, 12}, {LossGrad{Huber, 0.7}, 12}, {LossGrad{Kind: L1}, 12}} {
		for number := 1; number <= 2; number++ {
			counters := kerneltest.Count(t, kernels.Case{Name: "work", Op: tt.op, In: []kernels.Input{x, x, weight}}, number)
			bytes, w := float64(kerneltest.Traffic(counters))/n, counters[0].Instructions.Thread
			t.Logf("%+v, variant %d: %.3f bytes an element, ideal %g; %.1f integer, %.1f float32 instructions an element", tt.op, number,
				bytes, tt.ideal, float64(w.Integer)/n, float64(w.Float32)/n)
			if bytes > 1.05*tt.ideal {
				t.Errorf("%+v, variant %d: %.3f bytes an element, at most %.3f", tt.op, number, bytes, 1.05*tt.ideal)
			}
			for _, c := range counters {
				if s := c.Shared; s.LoadWavefronts != s.LoadIdeal || s.StoreWavefronts != s.StoreIdeal {
					t.Errorf("%s: bank conflicts: %+v", c.Kernel, s)
				}
			}
		}
	}
}

// TestLargeGrids runs grids in which each thread takes several items, and parts of samples of 2048 elements.
func TestLargeGrids(t *testing.T) {
	if testing.Short() {
		t.Skip("eight million elements")
	}
	x, weight := kernels.Randn(8, 32, 32, 64), kernels.RandUniform(0, 3, 8, 1, 1, 1)
	large := kernels.Randn(2, 256, 256, 64)
	for _, l := range []Loss{{Kind: MSE}, {Huber, 0.7}, {Kind: L1}} {
		kerneltest.VerifyDevice(t, kernels.Case{Name: "large", Op: LossGrad(l), In: []kernels.Input{x, x, weight}},
			kernels.Case{Name: "large, no weights", Op: LossGrad(l), In: []kernels.Input{x, x}})
	}
	kerneltest.VerifyDevice(t, kernels.Case{Name: "large", Op: Loss{Kind: MSE}, In: []kernels.Input{large, large}})
}
