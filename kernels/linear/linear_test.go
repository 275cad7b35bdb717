package linear

import (
	"testing"

	"github.com/unnoise/unnoise/kernels/kerneltest"
)

func TestVariants(t *testing.T) {
	for _, op := range []string{"linear", "linear_dgrad", "linear_wgrad", "matmul"} {
		t.Run(op, func(t *testing.T) { kerneltest.Run(t, op) })
	}
}
