package linear

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice. Short tests break those of linear alone.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"linear", "linear_dgrad", "linear_wgrad", "matmul"} {
		if testing.Short() && op != "linear" {
			continue
		}
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, kerneltest.Mutants(2, 6)) })
	}
}
