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
		opts := []kerneltest.SabotageOption{kerneltest.Mutants(1, 6)}
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, opts...) })
	}
}
