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
		opts := []kerneltest.SabotageOption{kerneltest.Mutants(1, 6)}
		if op == "linear_wgrad" {
			opts = append(opts, kerneltest.Except("", "ld.global.f32 ... (gemm.cuh:145)", "what a gradient is added to is one number everywhere in the check"))
		}
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, opts...) })
	}
}
