package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func multiplyCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "multiply", []*kernels.Operand{c.In[0], c.In[1], c.Out[0]})
}
