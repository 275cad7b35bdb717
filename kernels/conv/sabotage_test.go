package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice. Short tests break the tensor-core kernels.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"conv2d", "conv2d_dgrad", "conv2d_wgrad"} {
		modules := []string{op + "_mma"}
		if !testing.Short() {
			modules = append(modules, op)
		}
		for _, module := range modules {
			t.Run(module, func(t *testing.T) { kerneltest.Sabotage(t, op, module, kerneltest.Mutants(2, 12)) })
		}
	}
}
