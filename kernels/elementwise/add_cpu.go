package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

func addReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(Add)
	x, z, y := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) {
		y.Set(n, h, w, ch, op.Alpha*x.At(n, h, w, ch)+op.Beta*z.At(n, h, w, ch))
	})
}

func addCPU(q kernels.Queue, c *kernels.Call) error {
	op, x, z, y := c.Op.(Add), c.In[0], c.In[1], c.Out[0]
	alpha, beta := float32(op.Alpha), float32(op.Beta)
	Blocks(q, func(b Block) {
		if alpha == 1 && beta == 1 {
			simd.AddRows(b.Of(y), b.Of(x), b.Of(z), b.Count, b.C)
			return
		}
		simd.LinearCombinationRows(b.Of(y), alpha, b.Of(x), beta, b.Of(z), b.Count, b.C)
	}, y, x, z)
	return nil
}
