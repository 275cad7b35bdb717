package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

func broadcastReference[T kernels.Float](c *kernels.Call) {
	b, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, b.At(min(n, b.N-1), 0, 0, ch)) })
}

func broadcastCPU(q kernels.Queue, c *kernels.Call) error {
	b, y := c.In[0], c.Out[0]
	pixels := y.H * y.W
	cpu.Of(q).Range(y.Rows(), max(1, blockElements/y.C), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			n := min(r/pixels, b.N-1)
			copy(y.F32[r*y.Pitch:r*y.Pitch+y.C], b.F32[n*b.Pitch:n*b.Pitch+b.C])
		}
	})
	return nil
}
