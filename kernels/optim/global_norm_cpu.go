package optim

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// globalNormReference computes sqrt(sum_i g_i^2).
func globalNormReference[T kernels.Float](c *kernels.Call) {
	g, norm := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	var sum float64
	for i := range g.C {
		x := g.At(0, 0, 0, i)
		sum += x * x
	}
	norm.Set(0, 0, 0, 0, math.Sqrt(sum))
}

// chunk is the number of elements that a worker takes at a time.
const chunk = 1 << 15

// globalNormCPU sums chunks in parallel and the chunks in order.
func globalNormCPU(q kernels.Queue, c *kernels.Call) error {
	g := c.In[0].F32
	sum := cpu.Of(q).SumRange(c.In[0].C, chunk, func(lo, hi int) float64 { return simd.SumSquares(g[lo:hi]) })
	c.Out[0].F32[0] = float32(math.Sqrt(sum))
	return nil
}
