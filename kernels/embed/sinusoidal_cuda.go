package embed

import (
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const sincosThreads = 128

// flag is a bool as kernels take it.
func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

func sinusoidalCUDA(q *gpu.Queue, c *kernels.Call) error {
	s, t, y := c.Op.(Sinusoidal), c.In[0], c.Out[0]
	half := s.Dim / 2
	return q.Launch(gpu.Launch{Module: "sinusoidal", Kernel: "sinusoidal", Grid: cuda.Dim3{X: gpu.Ceil(y.N*half, sincosThreads)},
		Block: cuda.Dim3{X: sincosThreads}, Operands: gpu.Uses(c),
		Args: []any{gpu.Ptr(t), flag(t.DType == kernels.I32), int32(t.Pitch), uint32(y.N * half), uint32(half), gpu.NewDivisor(half),
			int32(s.Dim), flag(s.FlipSinToCos), math.Log(s.period()) / (float64(half) - s.FreqShift), int32(y.Pitch), gpu.Ptr(y)}})
}
