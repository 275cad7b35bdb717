package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// castCUDA moves four elements at once: 16 bytes of float32, 8 of bf16.
func castCUDA(q *gpu.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	ending, n := access(y.DType, x, y)
	if n > 1 {
		n = 4
	}
	m := flatten(n, x, y)
	return m.launch(q, c, "cast", "cast"+ending, m.args(x, y))
}
