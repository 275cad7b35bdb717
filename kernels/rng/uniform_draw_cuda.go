package rng

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

func uniformDrawVector(q *gpu.Queue, c *kernels.Call) error {
	d := c.Op.(UniformDraw)
	return draw(q, c, "uniform_draw", "uniform_draw_vector", d.Stream, d.Lo, d.Hi-d.Lo, gpu.Ptr(c.Out[0]))
}

func uniformDrawRows(q *gpu.Queue, c *kernels.Call) error {
	d, y := c.Op.(UniformDraw), c.Out[0]
	return draw(q, c, "uniform_draw", "uniform_draw", d.Stream, d.Lo, d.Hi-d.Lo, int32(y.Pitch), gpu.Ptr(y))
}
