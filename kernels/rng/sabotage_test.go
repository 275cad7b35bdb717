package rng_test

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
	_ "github.com/unnoise/unnoise/kernels/rng"
)

// TestSabotage breaks each compiled kernel: the check must notice.
func TestSabotage(t *testing.T) {
	for _, op := range []string{"normal_draw", "uniform_draw", "uniform_int_draw"} {
		t.Run(op, func(t *testing.T) { kerneltest.Sabotage(t, op, op) })
	}
}
