package rng

import "github.com/unnoise/unnoise/kernels"

func normalDrawReference[T kernels.Float](c *kernels.Call) {
	y := kernels.Out[T](c, 0)
	eachWord(y.Spec, c.State, c.Op.(NormalDraw).Stream, func(n, h, w, ch int, group [4]uint32, word int) {
		y.Set(n, h, w, ch, float64(Normal4(group)[word]))
	})
}

func normalDrawCPU(q kernels.Queue, c *kernels.Call) error {
	drawAll(q, c, c.Op.(NormalDraw).Stream, FillNormal)
	return nil
}
