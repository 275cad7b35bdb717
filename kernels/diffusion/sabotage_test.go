package diffusion_test

import (
	"testing"

	_ "github.com/unnoise/unnoise/kernels/diffusion"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	const half = "half a word of 2^32 in the argument of a logarithm or an angle: below the tolerance here; normal_draw is held to the bit"
	drawn := []kerneltest.SabotageOption{kerneltest.Except("", "(philox.cuh:47)", half), kerneltest.Except("", "(philox.cuh:72)", half)}
	for _, op := range []string{"noising", "reverse_update"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, drawn...) })
	}
	t.Run("reverse_update_history", func(t *testing.T) { kerneltest.Sabotage(t, "reverse_update", "reverse_update_history", drawn...) })
	for _, op := range []string{"dynamic_threshold", "reverse_update_grad", "chain_time", "guidance", "guidance_grad", "label_dropout"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op) })
	}
}
