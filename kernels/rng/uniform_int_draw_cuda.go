package rng

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func uniformIntDrawCUDA(q *gpu.Queue, c *kernels.Call) error {
	d, y := c.Op.(UniformIntDraw), c.Out[0]
	return q.Launch(gpu.Launch{Module: "uniform_int_draw", Kernel: "uniform_int_draw", Operands: gpu.Uses(c),
		Grid: cuda.Dim3{X: gpu.Ceil(y.N, GroupThreads)}, Block: cuda.Dim3{X: GroupThreads},
		Args: []any{q.State, d.Stream, int32(y.N), int32(d.Max), int32(y.Pitch), gpu.Ptr(y)}})
}
