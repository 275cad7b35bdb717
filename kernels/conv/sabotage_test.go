package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice. Short tests break the tensor-core kernels.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"conv2d", "conv2d_dgrad", "conv2d_wgrad"} {
		narrow := kerneltest.Except("conv2d_mma_128x16", "bar.sync 0; ->  (conv_mma.cuh", "each warp exchanges its sums through rows of A that it alone read")
		options := []kerneltest.SabotageOption{kerneltest.Mutants(2, 12)}
		if op == "conv2d" {
			options = append(options, narrow)
		}
		t.Run(op+"_mma", func(t *testing.T) { kerneltest.Sabotage(t, op, op+"_mma", options...) })
		if !testing.Short() {
			t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, kerneltest.Mutants(2, 12)) })
		}
	}
	if testing.Short() {
		return
	}
	t.Run("conv2d_reduce", func(t *testing.T) {
		kerneltest.Sabotage(t, "conv2d", "conv2d_reduce", kerneltest.Operators("conv2d_dgrad", "conv2d_wgrad"), kerneltest.Mutants(2, 12))
	})
}
