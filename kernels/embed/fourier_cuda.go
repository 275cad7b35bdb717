package embed

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func fourierCUDA(q *gpu.Queue, c *kernels.Call) error {
	f, t, w, y := c.Op.(Fourier), c.In[0], c.In[1], c.Out[0]
	return q.Launch(gpu.Launch{Module: "fourier", Kernel: "fourier", Grid: cuda.Dim3{X: gpu.Ceil(y.N*w.C, sincosThreads)},
		Block: cuda.Dim3{X: sincosThreads}, Operands: gpu.Uses(c),
		Args: []any{gpu.Ptr(t), flag(t.DType == kernels.I32), int32(t.Pitch), gpu.Ptr(w), uint32(y.N * w.C), uint32(w.C),
			gpu.NewDivisor(w.C), flag(f.Log), flag(f.FlipSinToCos), int32(y.Pitch), gpu.Ptr(y)}})
}
