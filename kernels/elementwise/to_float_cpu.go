package elementwise

import "github.com/unnoise/unnoise/kernels"

func toFloatReference[T kernels.Float](c *kernels.Call) {
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, float64(x.Int(n, h, w, ch))) })
}

func toFloatCPU(_ kernels.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	for r := range y.Rows() {
		in := x.I32[r*x.Pitch : r*x.Pitch+x.C]
		for i, v := range in {
			y.F32[r*y.Pitch+i] = float32(v)
		}
	}
	return nil
}
