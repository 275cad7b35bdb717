package optim

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// recordCUDA writes one row of the ring.
func recordCUDA(q *gpu.Queue, c *kernels.Call) error {
	ring := c.Out[0]
	return q.Launch(gpu.Launch{Module: "record", Kernel: "record", Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 32}, Operands: gpu.Uses(c),
		Args: []any{q.State, int32(ring.N), int32(ring.Pitch), gpu.Ptr(c.In[0]), gpu.Ptr(c.In[1]), gpu.Ptr(ring)}})
}
