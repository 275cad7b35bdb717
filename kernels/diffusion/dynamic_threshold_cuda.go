package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// thresholdThreads is the block of dynamic_threshold.
const thresholdThreads = 512

func dynamicThresholdCUDA(q *gpu.Queue, c *kernels.Call) error {
	o, x, out, limit := c.Op.(DynamicThreshold), c.In[0], c.In[1], c.Out[0]
	size := x.H * x.W * x.C
	below, share := o.place(size)
	return q.Launch(gpu.Launch{Module: "dynamic_threshold", Kernel: "dynamic_threshold", Grid: cuda.Dim3{X: x.N},
		Block: cuda.Dim3{X: thresholdThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, tableOf(c.In[2], 0), uint32(size), uint32(x.C), gpu.NewDivisor(x.C), uint32(x.H * x.W), int32(x.Pitch),
			int32(out.Pitch), int32(limit.Pitch), uint32(below), float32(share), float32(o.Max), gpu.Ptr(x), gpu.Ptr(out), gpu.Ptr(limit)}})
}
