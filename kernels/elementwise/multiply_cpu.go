package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

func multiplyReference[T kernels.Float](c *kernels.Call) {
	x, z, y := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, x.At(n, h, w, ch)*z.At(n, h, w, ch)) })
}

func multiplyCPU(q kernels.Queue, c *kernels.Call) error {
	x, z, y := c.In[0], c.In[1], c.Out[0]
	Blocks(q, func(b Block) { simd.MulRows(b.Of(y), b.Of(x), b.Of(z), b.Count, b.C) }, y, x, z)
	return nil
}
