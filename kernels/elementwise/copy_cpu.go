package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

func copyReference[T kernels.Float](c *kernels.Call) {
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, x.At(n, h, w, ch)) })
}

func copyCPU(q kernels.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	adds := y.Adds(c.State)
	Blocks(q, func(b Block) {
		if adds {
			simd.AddRows(b.Of(y), b.Of(y), b.Of(x), b.Count, b.C)
			return
		}
		simd.CopyRows(b.Of(y), b.Of(x), b.Count, b.C)
	}, y, x)
	return nil
}
