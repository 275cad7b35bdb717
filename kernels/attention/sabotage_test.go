package attention

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"attention", "attention_grad"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op, kerneltest.Mutants(2, 12)) })
	}
}
