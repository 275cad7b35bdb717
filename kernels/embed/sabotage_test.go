package embed_test

import (
	"testing"

	_ "github.com/unnoise/unnoise/kernels/embed"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"sinusoidal", "fourier", "lookup", "lookup_grad"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op) })
	}
}
