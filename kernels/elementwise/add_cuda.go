package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func addCUDA(q *gpu.Queue, c *kernels.Call) error {
	o := c.Op.(Add)
	return pointwise(q, c, "add", []*kernels.Operand{c.In[0], c.In[1], c.Out[0]}, float32(o.Alpha), float32(o.Beta))
}
