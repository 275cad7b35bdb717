package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func divideTimeCUDA(q *gpu.Queue, c *kernels.Call) error {
	x, t, y := c.In[0], c.In[1], c.Out[0]
	ending, n := access(y.DType, x, y)
	m := asRows(y.Spec, n)
	return m.launch(q, c, "divide_time", "divide_time"+ending, append(m.args(x, t, y), gpu.NewDivisor(y.H*y.W)))
}
