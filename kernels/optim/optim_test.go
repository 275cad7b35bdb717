package optim

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

func TestVariants(t *testing.T) {
	for _, op := range []string{"global_norm", "check_finite", "adamw"} {
		t.Run(op, func(t *testing.T) { kerneltest.Run(t, op) })
	}
}
