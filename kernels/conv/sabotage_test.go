package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice. Short tests break the kernels called _mma.
func TestSabotage(t *testing.T) {
	short := testing.Short()
	for _, op := range []string{"conv2d", "conv2d_dgrad", "conv2d_wgrad"} {
		for _, way := range []way{mma, subpixel, plain} {
			module := op + string(way)
			options := []kerneltest.SabotageOption{kerneltest.Mutants(1, 12)}
			if op == "conv2d" && way != plain {
				options = append(options,
					kerneltest.Except(module+"_128x16", "bar.sync 0; ->  (conv_mma.cuh:296)", "each warp exchanges its sums through rows of A that it alone read"),
					kerneltest.Except(module+"_128x16", "bar.sync 0; ->  (conv_mma.cuh:120)", "each warp writes its moments over sums that it alone read"))
			}
			if module == "conv2d_subpixel" {
				options = append(options, kerneltest.Operators("conv2d_dgrad"), kerneltest.Except("",
					"ld.shared.u32 ... +8]; -> ld.shared.u32 ... +12]; (conv_mma.cuh:237)", "folded taps have no periods to add: zero along both axes"))
			}
			if !short || way == mma {
				t.Run(module, func(t *testing.T) { kerneltest.Sabotage(t, op, module, options...) })
			}
		}
	}
	if short {
		return
	}
	t.Run("conv2d_stats", func(t *testing.T) { kerneltest.Sabotage(t, "conv2d", "conv2d_stats", kerneltest.Mutants(2, 16)) })
	t.Run("conv2d_reduce", func(t *testing.T) {
		kerneltest.Sabotage(t, "conv2d", "conv2d_reduce", kerneltest.Operators("conv2d_dgrad", "conv2d_wgrad"), kerneltest.Mutants(2, 12))
	})
}
