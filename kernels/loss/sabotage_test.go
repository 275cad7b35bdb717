package loss_test

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
	_ "github.com/unnoise/unnoise/kernels/loss"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	t.Run("loss", func(t *testing.T) {
		kerneltest.Sabotage(t, "loss", "loss",
			kerneltest.Except("loss_mean", "(reduce.cuh:26)", "the barrier after the last use of the room guards a second sum, and there is none"))
	})
	t.Run("loss_grad", func(t *testing.T) { kerneltest.Sabotage(t, "loss_grad", "loss_grad") })
}
