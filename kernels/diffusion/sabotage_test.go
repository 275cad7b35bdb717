package diffusion_test

import (
	"testing"

	_ "github.com/unnoise/unnoise/kernels/diffusion"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"noising", "reverse_update", "reverse_update_grad", "chain_time", "guidance", "guidance_grad", "label_dropout"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op) })
	}
}
