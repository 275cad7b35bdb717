package norm

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

func TestVariants(t *testing.T) {
	for _, op := range []string{"group_norm", "group_norm_grad"} {
		t.Run(op, func(t *testing.T) { kerneltest.Run(t, op) })
	}
}
