package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func guidanceGradVector(q *gpu.Queue, c *kernels.Call) error {
	return runGuidanceVector(q, c, "guidance_grad", c.In[0].Elements()/4)
}

func guidanceGradRows(q *gpu.Queue, c *kernels.Call) error {
	return runGuidanceRows(q, c, "guidance_grad", c.In[0].Spec, c.Out[0].Pitch)
}
