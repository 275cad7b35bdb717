package attention

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// score returns Scale q_i.k_j for pixels i and j of a head that starts at channel c0 and has d channels.
func score[T kernels.Float](q, k kernels.View[T], n, i, j, c0, d int, scale float64) float64 {
	return scale * dot(q, k, n, i, j, c0, d)
}

// dot returns the product of pixel i of a with pixel j of b over channels c0..c0+d-1.
func dot[T kernels.Float](a, b kernels.View[T], n, i, j, c0, d int) float64 {
	var sum float64
	for c := c0; c < c0+d; c++ {
		sum += a.At(n, i/a.W, i%a.W, c) * b.At(n, j/b.W, j%b.W, c)
	}
	return sum
}

// attentionReference computes o = softmax(Scale q k^T) v head by head (Vaswani et al. 2017, equation 1).
func attentionReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(Attention)
	q, k, v := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2)
	o, lse := kernels.Out[T](c, 0), kernels.Out[T](c, 1)
	d := q.C / op.Heads
	keys := k.H * k.W
	s := make([]float64, keys)
	for n := range q.N {
		for head := range op.Heads {
			c0 := head * d
			for i := range q.H * q.W {
				top := math.Inf(-1)
				for j := range keys {
					s[j] = score(q, k, n, i, j, c0, d, op.scale(d))
					top = math.Max(top, s[j])
				}
				var total float64
				for _, x := range s {
					total += math.Exp(x - top)
				}
				l := top + math.Log(total)
				lse.Set(n, 0, head, i, l)
				for ch := c0; ch < c0+d; ch++ {
					var sum float64
					for j, x := range s {
						sum += math.Exp(x-l) * v.At(n, j/v.W, j%v.W, ch)
					}
					o.Set(n, i/o.W, i%o.W, ch, sum)
				}
			}
		}
	}
}

// blockScores is the number of scores that a worker holds at a time: 256 KiB, within a second-level cache.
const blockScores = 1 << 16

// queryBlock returns how many queries are worked on at a time: a number that depends on the shape alone.
func queryBlock(queries, keys int) int {
	return min(queries, max(16, blockScores/keys/16*16))
}

// lengths returns the numbers of queries and keys of an image and the block of queries.
func lengths(c *kernels.Call) (queries, keys, block int) {
	queries, keys = c.In[0].H*c.In[0].W, c.In[1].H*c.In[1].W
	return queries, keys, queryBlock(queries, keys)
}

func attentionWorkspace(c *kernels.Call, p kernels.Props) int64 {
	_, keys, block := lengths(c)
	return 4 * int64(max(p.Workers, 1)) * int64(block) * int64(keys)
}

// attentionCPU runs one task per image, head and block of queries: scores by one product, softmax in place, output by
// another product.
func attentionCPU(q kernels.Queue, c *kernels.Call) error {
	op := c.Op.(Attention)
	qs, ks, vs, o, lse := c.In[0], c.In[1], c.In[2], c.Out[0], c.Out[1]
	d := qs.C / op.Heads
	scale := float32(op.scale(d))
	queries, keys, block := lengths(c)
	blocks := (queries + block - 1) / block
	cpu.Of(q).Tasks(qs.N*op.Heads*blocks, func(task, worker int) {
		n, head, lo := task/blocks/op.Heads, task/blocks%op.Heads, task%blocks*block
		m := min(block, queries-lo)
		c0 := head * d
		s := c.Workspace[worker*block*keys:][:m*keys]
		out := o.F32[(n*queries+lo)*o.Pitch+c0:]
		blas.Gemm(false, true, m, keys, d, scale, qs.F32[(n*queries+lo)*qs.Pitch+c0:], qs.Pitch,
			ks.F32[n*keys*ks.Pitch+c0:], ks.Pitch, 0, s, keys)
		logs := lse.F32[(n*op.Heads+head)*lse.Pitch+lo:][:m]
		for i := range m {
			logs[i] = softmax(s[i*keys:][:keys])
		}
		blas.Gemm(false, false, m, d, keys, 1, s, keys, vs.F32[n*keys*vs.Pitch+c0:], vs.Pitch, 0, out, o.Pitch)
	})
	return nil
}

// softmax turns scores into weights that sum to one and returns their log-sum-exp.
func softmax(row []float32) float32 {
	top := simd.Max(row)
	total := simd.ExpSubSum(row, row, top)
	simd.Scale(row, float32(1/total), row)
	return float32(float64(top) + math.Log(total))
}
