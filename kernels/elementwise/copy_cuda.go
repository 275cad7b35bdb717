package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func copyCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "copy", []*kernels.Operand{c.In[0], c.Out[0]}, q.State, gpu.Accumulates(c.Out[0]))
}
