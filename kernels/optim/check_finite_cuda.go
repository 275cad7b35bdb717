package optim

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// checkFiniteCUDA looks at two numbers.
func checkFiniteCUDA(q *gpu.Queue, c *kernels.Call) error {
	return q.Launch(gpu.Launch{Module: "check_finite", Kernel: "check_finite", Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 32},
		Args: []any{gpu.Ptr(c.In[0]), gpu.Ptr(c.In[1]), gpu.Ptr(c.Out[0])}, Operands: gpu.Uses(c)})
}
