package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

func guidanceGradReference[T kernels.Float](c *kernels.Call) {
	dy, dout, w := kernels.In[T](c, 0), kernels.Out[T](c, 0), c.State.Guidance
	elementwise.Each(dy.Spec, func(n, h, x, ch int) {
		dout.Set(n, h, x, ch, w*dy.At(n, h, x, ch))
		dout.Set(dy.N+n, h, x, ch, (1-w)*dy.At(n, h, x, ch))
	})
}

func guidanceGradCPU(q kernels.Queue, c *kernels.Call) error {
	dy, dout := c.In[0], c.Out[0]
	w, rest := float32(c.State.Guidance), float32(1-c.State.Guidance)
	eachSample(q, dy.Spec, func(n, _ int) {
		from, cond, free := rowsOf(dy, n), rowsOf(dout, n), rowsOf(dout, dy.N+n)
		for p := range dy.H * dy.W {
			g, a, b := from.at(p, dy.C), cond.at(p, dy.C), free.at(p, dy.C)
			for i, v := range g {
				a[i], b[i] = w*v, rest*v
			}
		}
	})
	return nil
}
