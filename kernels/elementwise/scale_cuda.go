package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func scaleCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "scale", []*kernels.Operand{c.In[0], c.Out[0]}, float32(c.Op.(Scale).Factor))
}
