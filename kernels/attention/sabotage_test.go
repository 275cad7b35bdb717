package attention

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice. Short tests break those of attention alone.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"attention", "attention_grad"} {
		if testing.Short() && op != "attention" {
			continue
		}
		opts := []kerneltest.SabotageOption{kerneltest.Mutants(2, 6)}
		if op == "attention" {
			const coefficient = "a high coefficient of logf's polynomial: a quarter more of it changes the log-sum-exp by less than 3e-5"
			opts = append(opts, kerneltest.Except("", "0f3E1039F6; -> ", coefficient), kerneltest.Except("", "0f3E0F2955; -> ", coefficient),
				kerneltest.Except("", "max.f32", "what is subtracted from the scores cancels; that it is their maximum keeps exp2f from overflowing"))
		}
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, opts...) })
	}
}
