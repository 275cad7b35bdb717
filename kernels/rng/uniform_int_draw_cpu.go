package rng

import "github.com/unnoise/unnoise/kernels"

func uniformIntDrawReference(c *kernels.Call) {
	d, y, s := c.Op.(UniformIntDraw), kernels.Out[float32](c, 0), c.State
	for n := range y.N {
		group := Philox4x32(Counter(0, s.SampleBase+uint32(n), s.Step, d.Stream), Key(s.Seed))
		y.SetInt(n, 0, 0, 0, UniformInt(group[0], d.Max))
	}
}
