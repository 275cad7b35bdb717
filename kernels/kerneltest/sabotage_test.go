package kerneltest_test

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
	_ "github.com/unnoise/unnoise/kernels/rng"
)

func TestSabotage(t *testing.T) {
	kerneltest.Sabotage(t, "normal_draw", "normal_draw")
}
