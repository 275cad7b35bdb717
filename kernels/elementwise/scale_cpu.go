package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

func scaleReference[T kernels.Float](c *kernels.Call) {
	f := c.Op.(Scale).Factor
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, f*x.At(n, h, w, ch)) })
}

func scaleCPU(q kernels.Queue, c *kernels.Call) error {
	f, x, y := float32(c.Op.(Scale).Factor), c.In[0], c.Out[0]
	Blocks(q, func(b Block) { simd.ScaleRows(b.Of(y), f, b.Of(x), b.Count, b.C) }, y, x)
	return nil
}
