package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func fillCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "fill", []*kernels.Operand{c.Out[0]}, float32(c.Op.(Fill).Value))
}
