package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func activationCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "activation", []*kernels.Operand{c.In[0], c.Out[0]}, int32(c.Op.(Activation).Kind))
}
