package elementwise

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func resampleCUDA(q *gpu.Queue, c *kernels.Call) error {
	if c.Op.(Resample).Kind == AvgPool2 {
		return resize(q, c, "pool", 0.25)
	}
	return resize(q, c, "spread", 1)
}

// resize launches one block for each line of the small side.
func resize(q *gpu.Queue, c *kernels.Call, kernel string, factor float32) error {
	x, y := c.In[0], c.Out[0]
	ending, n := access(y.DType, x, y)
	h, w := y.H, y.W
	if kernel == "spread" {
		h, w = gpu.Ceil(y.H, 2), gpu.Ceil(y.W, 2)
	}
	groups := gpu.Ceil(y.C, n)
	width := min(groups, mostThreads)
	height := min(mostThreads/width, w)
	return q.Launch(gpu.Launch{Module: "resample", Kernel: kernel + ending, Operands: gpu.Uses(c), Grid: cuda.Dim3{X: y.N * h, Y: gpu.Ceil(groups, width)},
		Block: cuda.Dim3{X: width, Y: height},
		Args:  []any{int32(y.H), int32(y.W), int32(y.C), gpu.Ptr(x), int32(x.Pitch), int32(x.H), int32(x.W), gpu.Ptr(y), int32(y.Pitch), factor}})
}
