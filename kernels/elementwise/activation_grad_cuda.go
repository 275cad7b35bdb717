package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func activationGradCUDA(q *gpu.Queue, c *kernels.Call) error {
	return pointwise(q, c, "activation_grad", []*kernels.Operand{c.In[0], c.In[1], c.Out[0]}, int32(c.Op.(ActivationGrad).Kind))
}
