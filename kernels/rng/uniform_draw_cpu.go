package rng

import "github.com/unnoise/unnoise/kernels"

// scaled maps a uniform of (0, 1) to the operator's range.
func (d UniformDraw) scaled(u float32) float64 {
	width := d.Hi - d.Lo
	return d.Lo + float64(width*float64(u))
}

func uniformDrawReference[T kernels.Float](c *kernels.Call) {
	d, y := c.Op.(UniformDraw), kernels.Out[T](c, 0)
	eachWord(y.Spec, c.State, d.Stream, func(n, h, w, ch int, group [4]uint32, word int) {
		y.Set(n, h, w, ch, d.scaled(Uniform(group[word])))
	})
}

func uniformDrawCPU(q kernels.Queue, c *kernels.Call) error {
	d := c.Op.(UniformDraw)
	drawAll(q, c, d.Stream, func(dst []float32, seed uint64, sample, step, stream uint32) {
		FillUniform(dst, seed, sample, step, stream)
		for i, u := range dst {
			dst[i] = float32(d.scaled(u))
		}
	})
	return nil
}
