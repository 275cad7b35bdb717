package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func broadcastCUDA(q *gpu.Queue, c *kernels.Call) error {
	b, y := c.In[0], c.Out[0]
	ending, n := access(y.DType, b, y)
	m := asRows(y.Spec, n)
	return m.launch(q, c, "broadcast", "broadcast"+ending, append(m.args(b, y), gpu.NewDivisor(y.Rows()/b.Rows())))
}
