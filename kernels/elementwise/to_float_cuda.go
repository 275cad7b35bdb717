package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func toFloatCUDA(q *gpu.Queue, c *kernels.Call) error {
	m := flatten(1, c.In[0], c.Out[0])
	return m.launch(q, c, "to_float", "to_float_i32", m.args(c.In[0], c.Out[0]))
}
