package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

func divideTimeReference[T kernels.Float](c *kernels.Call) {
	x, t, y := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, x.At(n, h, w, ch)/t.At(n, 0, 0, 0)) })
}

func divideTimeCPU(q kernels.Queue, c *kernels.Call) error {
	x, t, y := c.In[0], c.In[1], c.Out[0]
	cpu.Of(q).Tasks(y.N, func(n, _ int) {
		simd.ScaleRows(image(y, n), 1/t.F32[n*t.Pitch], image(x, n), y.H*y.W, y.C)
	})
	return nil
}
