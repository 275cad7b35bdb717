package rng

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const drawThreads = 256

// normalDrawCUDA runs one thread for each group of four elements of an image.
func normalDrawCUDA(q *gpu.Queue, c *kernels.Call) error {
	y, stream := c.Out[0], c.Op.(NormalDraw).Stream
	size := y.H * y.W * y.C
	l := gpu.Launch{Module: "normal_draw", Kernel: "normal_draw", Block: cuda.Dim3{X: drawThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, stream, int32(y.N), int32(size), int32(y.C), int32(y.Pitch), gpu.Ptr(y)}}
	if y.Pitch == y.C && size%4 == 0 && gpu.Aligned(4, y) {
		l.Kernel = "normal_draw_vector"
		l.Args = []any{q.State, stream, int32(y.N), int32(size / 4), gpu.Ptr(y)}
	}
	l.Grid.X = gpu.Ceil(y.N*gpu.Ceil(size, 4), drawThreads)
	return q.Launch(l)
}
