package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"conv2d", "conv2d_dgrad", "conv2d_wgrad"} {
		for _, module := range []string{op, op + "_mma"} {
			t.Run(module, func(t *testing.T) { kerneltest.Sabotage(t, op, module, kerneltest.Mutants(2, 16)) })
		}
	}
}
