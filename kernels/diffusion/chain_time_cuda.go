package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func chainTimeCUDA(q *gpu.Queue, c *kernels.Call) error {
	table, t := c.In[0], c.Out[0]
	return q.Launch(gpu.Launch{Module: "chain_time", Kernel: "chain_time", Grid: cuda.Dim3{X: gpu.Ceil(t.N, elementThreads)},
		Block: cuda.Dim3{X: elementThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, gpu.Ptr(table), int32(table.N), int32(table.Pitch), int32(t.N), int32(t.Pitch), gpu.Ptr(t)}})
}
