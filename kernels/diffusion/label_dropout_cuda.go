package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func labelDropoutCUDA(q *gpu.Queue, c *kernels.Call) error {
	o, labels, y := c.Op.(LabelDropout), c.In[0], c.Out[0]
	return q.Launch(gpu.Launch{Module: "label_dropout", Kernel: "label_dropout", Grid: cuda.Dim3{X: gpu.Ceil(y.N, elementThreads)},
		Block: cuda.Dim3{X: elementThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, o.Stream, float32(o.Probability), int32(o.Null), int32(y.N), int32(labels.Pitch), int32(y.Pitch),
			gpu.Ptr(labels), gpu.Ptr(y)}})
}
