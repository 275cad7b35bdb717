package attention

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// attentionGradReference differentiates attentionReference (Dao et al. 2022, appendix B.4).
func attentionGradReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(AttentionGrad)
	q, k, v := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2)
	o, lse, do := kernels.In[T](c, 3), kernels.In[T](c, 4), kernels.In[T](c, 5)
	d := q.C / op.Heads
	scale := op.forward().scale(d)
	queries, keys := q.H*q.W, k.H*k.W
	p, ds := make([]float64, queries*keys), make([]float64, queries*keys)
	for n := range q.N {
		for head := range op.Heads {
			c0 := head * d
			for i := range queries {
				di := dot(do, o, n, i, i, c0, d)
				for j := range keys {
					w := math.Exp(score(q, k, n, i, j, c0, d, scale) - lse.At(n, 0, head, i))
					p[i*keys+j] = w
					ds[i*keys+j] = w * (dot(do, v, n, i, j, c0, d) - di)
				}
			}
			for ch := c0; ch < c0+d; ch++ {
				combine(kernels.Out[T](c, 0), k, n, ch, keys, scale, func(i, j int) float64 { return ds[i*keys+j] })
				combine(kernels.Out[T](c, 1), q, n, ch, queries, scale, func(j, i int) float64 { return ds[i*keys+j] })
				combine(kernels.Out[T](c, 2), do, n, ch, queries, 1, func(j, i int) float64 { return p[i*keys+j] })
			}
		}
	}
}

// combine sets channel ch of every pixel r of out to scale * sum_s weight(r, s) x_s over count pixels s of x.
func combine[T kernels.Float](out, x kernels.View[T], n, ch, count int, scale float64, weight func(r, s int) float64) {
	for r := range out.H * out.W {
		var sum float64
		for s := range count {
			sum += weight(r, s) * x.At(n, s/x.W, s%x.W, ch)
		}
		out.Set(n, r/out.W, r%out.W, ch, scale*sum)
	}
}

func attentionGradWorkspace(c *kernels.Call, p kernels.Props) int64 {
	return 2 * attentionWorkspace(c, p)
}

// attentionGradCPU runs one task per image and head and goes through the queries block by block; dk and dv grow from block
// to block in a fixed order.
func attentionGradCPU(q kernels.Queue, c *kernels.Call) error {
	heads := c.Op.(AttentionGrad).Heads
	_, keys, block := lengths(c)
	cpu.Of(q).Tasks(c.In[0].N*heads, func(task, worker int) {
		scratch := c.Workspace[worker*2*block*keys:][:2*block*keys]
		headGrad(c, task/heads, task%heads, scratch)
	})
	return nil
}

// headGrad computes the gradients of one head of image n.
func headGrad(c *kernels.Call, n, head int, scratch []float32) {
	op := c.Op.(AttentionGrad)
	d := c.In[0].C / op.Heads
	scale := float32(op.forward().scale(d))
	queries, keys, block := lengths(c)
	// part returns an operand's memory from pixel r of the image on, at the head's first channel.
	part := func(o *kernels.Operand, r int) ([]float32, int) {
		return o.F32[(n*o.H*o.W+r)*o.Pitch+head*d:], o.Pitch
	}
	k, ldk := part(c.In[1], 0)
	v, ldv := part(c.In[2], 0)
	dk, lddk := part(c.Out[1], 0)
	dv, lddv := part(c.Out[2], 0)
	lse := c.In[4].F32[(n*op.Heads+head)*c.In[4].Pitch:]
	var beta float32
	for lo := 0; lo < queries; lo += block {
		m := min(block, queries-lo)
		q, ldq := part(c.In[0], lo)
		o, ldo := part(c.In[3], lo)
		do, lddo := part(c.In[5], lo)
		dq, lddq := part(c.Out[0], lo)
		p, ds := scratch[:m*keys], scratch[m*keys:][:m*keys]
		blas.Gemm(false, true, m, keys, d, scale, q, ldq, k, ldk, 0, p, keys)
		for i := range m {
			row := p[i*keys:][:keys]
			simd.ExpSubSum(row, row, lse[lo+i])
			fill(ds[i*keys:][:keys], -rowDot(do[i*lddo:][:d], o[i*ldo:][:d]))
		}
		blas.Gemm(false, true, m, keys, d, 1, do, lddo, v, ldv, 1, ds, keys)
		simd.Mul(ds, ds, p)
		blas.Gemm(false, false, m, d, keys, scale, ds, keys, k, ldk, 0, dq, lddq)
		blas.Gemm(true, false, keys, d, m, scale, ds, keys, q, ldq, beta, dk, lddk)
		blas.Gemm(true, false, keys, d, m, 1, p, keys, do, lddo, beta, dv, lddv)
		beta = 1
	}
}

// rowDot returns the product of two short rows.
func rowDot(a, b []float32) float32 {
	var sum float64
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return float32(sum)
}

func fill(dst []float32, x float32) {
	for i := range dst {
		dst[i] = x
	}
}
