package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

func guidanceReference[T kernels.Float](c *kernels.Call) {
	out, y, w := kernels.In[T](c, 0), kernels.Out[T](c, 0), c.State.Guidance
	elementwise.Each(y.Spec, func(n, h, x, ch int) {
		cond, free := out.At(n, h, x, ch), out.At(y.N+n, h, x, ch)
		y.Set(n, h, x, ch, free+w*(cond-free))
	})
}

func guidanceCPU(q kernels.Queue, c *kernels.Call) error {
	out, y, w := c.In[0], c.Out[0], float32(c.State.Guidance)
	eachSample(q, y.Spec, func(n, _ int) {
		cond, free, to := rowsOf(out, n), rowsOf(out, y.N+n), rowsOf(y, n)
		for p := range y.H * y.W {
			a, b, dst := cond.at(p, y.C), free.at(p, y.C), to.at(p, y.C)
			for i, u := range b {
				dst[i] = u + w*(a[i]-u)
			}
		}
	})
	return nil
}
