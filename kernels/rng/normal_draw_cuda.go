package rng

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// drawVectorSupports is Supports of the kernels that store groups of four elements at once.
func drawVectorSupports(c *kernels.Call, _ kernels.Props) error {
	if err := Countable(c.Out[0].Spec); err != nil {
		return err
	}
	return Dense4(c.Out[0])
}

// drawRowsSupports is Supports of the kernels that store element by element.
func drawRowsSupports(c *kernels.Call, _ kernels.Props) error { return Countable(c.Out[0].Spec) }

// draw launches a drawing kernel: its arguments are the state, the stream, the groups, the repetition, then the given ones.
func draw(q *gpu.Queue, c *kernels.Call, module, kernel string, stream uint32, args ...any) error {
	g := GroupsOf(c.Out[0].Spec)
	grid, repeat := g.Loop()
	return q.Launch(gpu.Launch{Module: module, Kernel: kernel, Grid: grid, Block: cuda.Dim3{X: GroupThreads}, Operands: gpu.Uses(c),
		Args: append([]any{q.State, stream, g, repeat}, args...)})
}

func normalDrawVector(q *gpu.Queue, c *kernels.Call) error {
	return draw(q, c, "normal_draw", "normal_draw_vector", c.Op.(NormalDraw).Stream, gpu.Ptr(c.Out[0]))
}

func normalDrawRows(q *gpu.Queue, c *kernels.Call) error {
	y := c.Out[0]
	return draw(q, c, "normal_draw", "normal_draw", c.Op.(NormalDraw).Stream, int32(y.Pitch), gpu.Ptr(y))
}
