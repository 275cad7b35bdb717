// Package attention holds exact softmax attention and its gradient.
package attention

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Attention is softmax attention (Vaswani et al. 2017, equation 1) over the pixels of an image, in Heads heads of C/Heads
// consecutive channels: o_i = sum_j P_ij v_j with P_ij = exp(Scale q_i.k_j - lse_i) and lse_i = log sum_j exp(Scale q_i.k_j).
//
// Inputs: q (N,H,W,C), k and v (N,H',W',C), all f32 or all bf16. Outputs: o (N,H,W,C) of q's type and lse f32 (N,1,Heads,H*W), which is kept
// for the gradient and has none of its own. Heads must divide C; a Scale of 0 means 1/sqrt(C/Heads).
type Attention struct {
	Heads int     `key:"Heads"`
	Scale float64 `key:"Scale"`
}

func init() {
	list := []kernels.Variant{
		kernels.Reference(attentionReference[float32], attentionReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS products over images, heads and blocks of queries", elementwise.F32Only, attentionWorkspace, attentionCPU),
	}
	kernels.Register(Attention{}, append(list, variants(attentionShared, nil, attentionCUDA)...)...)
}

// Name implements kernels.Operator.
func (Attention) Name() string { return "attention" }

// Infer implements kernels.Operator.
func (op Attention) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := operands(op.Name(), in, "q", "k", "v"); err != nil {
		return nil, err
	}
	q, k, v := in[0], in[1], in[2]
	if err := op.check(q, k, v); err != nil {
		return nil, err
	}
	return []kernels.Spec{q.WithC(q.C), op.lse(q)}, nil
}

// BF16Inputs implements kernels.MixedOperator: all of them.
func (Attention) BF16Inputs() []int { return []int{0, 1, 2} }

// check holds the attributes and the shapes of q, k and v against each other.
func (op Attention) check(q, k, v *kernels.Spec) error {
	if op.Heads < 1 || q.C%op.Heads != 0 {
		return fmt.Errorf("%s: %d heads for q %s, expected a positive divisor of %d channels", op.Name(), op.Heads, q, q.C)
	}
	if math.IsNaN(op.Scale) || math.IsInf(op.Scale, 0) {
		return fmt.Errorf("%s: Scale is %v, expected a finite factor", op.Name(), op.Scale)
	}
	if k.N != q.N || k.C != q.C || !v.SameShape(*k) {
		return fmt.Errorf("%s: q is %s, k is %s, v is %s, expected k and v of one shape with q's N and C", op.Name(), q, k, v)
	}
	if k.DType != q.DType || v.DType != q.DType {
		return fmt.Errorf("%s: q is %s, k is %s, v is %s, expected one type", op.Name(), q, k, v)
	}
	return nil
}

// lse is the spec of the log-sum-exp output.
func (op Attention) lse(q *kernels.Spec) kernels.Spec {
	return kernels.Dense(kernels.F32, q.N, 1, op.Heads, q.H*q.W)
}

// scale returns the factor of the scores for heads of d channels.
func (op Attention) scale(d int) float64 {
	if op.Scale == 0 {
		return 1 / math.Sqrt(float64(d))
	}
	return op.Scale
}

// Cost implements kernels.Operator.
func (op Attention) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return op.cost(2, in, out)
}

// cost counts products of queries with keys plus the softmax (maximum, difference, exponential, sum, quotient).
func (op Attention) cost(products float64, in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	q, k := in[0], in[1]
	pairs := float64(q.N) * float64(q.H*q.W) * float64(k.H*k.W)
	macs := products * pairs * float64(q.C)
	return kernels.Cost{FLOPs: 2*macs + 5*pairs*float64(op.Heads), MACs: macs, Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Attention) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// ToleranceOf implements kernels.OutputTolerance: that of o in float32 grows with the sums that scores are.
//
// On standard normals a score is Scale times a sum of d products whose partial sums are rounded to 24 bits one after the other: with
// u = Scale d 2^-24, the score of two keys that share a weight, three standard deviations from 0, is off by 0.7 u (one standard
// deviation), their difference by u, and o by a quarter of that times the difference of the two values, at most about 4. Three
// standard deviations of it are 3 u.
func (op Attention) ToleranceOf(in []*kernels.Spec, i int, d kernels.DType) kernels.Tol {
	tol := op.Tolerance(d)
	width := in[0].C / op.Heads
	if scores := 3 * math.Abs(op.scale(width)) * float64(width) * 0x1p-24; i == 0 && d == kernels.F32 && scores > tol.Abs {
		tol.Abs, tol.Why = scores, "float32 sums of d products make scores: three standard deviations of what they shift weights by, 3*Scale*d*2^-24"
	}
	return tol
}

// Grad implements kernels.Operator.
func (op Attention) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	if !dout[0].Ok() || !(need[0] || need[1] || need[2]) {
		return make([]kernels.Value, 3)
	}
	return b.Emit(AttentionGrad(op), n.In[0], n.In[1], n.In[2], n.Out[0], n.Out[1], dout[0])
}

// Cases implements kernels.Operator.
func (Attention) Cases() []kernels.Case {
	r, p := kernels.Randn, kernels.RandnPitch
	c := func(name string, heads int, scale float64, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: Attention{Heads: heads, Scale: scale}, In: in}
	}
	return []kernels.Case{
		c("one pixel", 1, 0, r(1, 1, 1, 3), r(1, 1, 1, 3), r(1, 1, 1, 3)),
		c("one channel", 1, 1, r(2, 2, 3, 1), r(2, 2, 3, 1), r(2, 2, 3, 1)),
		c("one channel a head", 5, 0, r(2, 2, 2, 5), r(2, 2, 2, 5), r(2, 2, 2, 5)),
		c("heads", 3, 0, r(2, 3, 5, 12), r(2, 3, 5, 12), r(2, 3, 5, 12)),
		c("scale", 2, 0.37, r(1, 7, 1, 14), r(1, 7, 1, 14), r(1, 7, 1, 14)),
		c("other keys", 2, 0, r(2, 3, 2, 6), r(2, 1, 5, 6), r(2, 1, 5, 6)),
		c("slices of one buffer", 2, 0, p(2, 2, 3, 8, 24), p(2, 2, 3, 8, 24), p(2, 2, 3, 8, 24)),
		c("odd pitches", 1, 0, p(1, 3, 3, 5, 7), p(1, 3, 3, 5, 11), p(1, 3, 3, 5, 9)),
		large(c("heads of a chunk", 3, 0, p(2, 7, 5, 24, 72), p(2, 7, 5, 24, 72), p(2, 7, 5, 24, 72))),
		large(c("heads of 32", 2, 0.5, p(1, 8, 9, 64, 192), p(1, 9, 8, 64, 192), p(1, 9, 8, 64, 192))),
		large(c("head of 64", 1, 0.4, r(1, 8, 9, 64), r(1, 9, 8, 64), r(1, 9, 8, 64))),
		large(c("head of 45", 1, 0.3, r(1, 3, 7, 45), r(1, 3, 7, 45), r(1, 3, 7, 45))),
		large(c("head of 77", 1, 0.3, r(1, 3, 7, 77), r(1, 3, 7, 77), r(1, 3, 7, 77))),
		large(c("head of 133", 1, 0.3, r(1, 3, 7, 133), r(1, 3, 7, 133), r(1, 3, 7, 133))),
		large(c("head of 68", 1, 0, r(1, 4, 9, 68), r(1, 4, 9, 68), r(1, 4, 9, 68))),
		large(c("head of 128", 1, 0.25, r(1, 8, 9, 128), r(1, 9, 8, 128), r(1, 9, 8, 128))),
		large(c("head of 256", 1, 0.2, p(1, 8, 9, 256, 768), p(1, 9, 8, 256, 768), p(1, 9, 8, 256, 768))),
		large(c("head of 130 in odd rows", 1, 0.2, p(1, 3, 13, 130, 131), p(1, 3, 13, 130, 133), p(1, 3, 13, 130, 135))),
		// Scores far apart: without the maximum taken off, exponentials overflow.
		large(c("far scores, 8", 1, 20, r(1, 4, 5, 8), r(1, 8, 9, 8), r(1, 8, 9, 8))),
		large(c("far scores, 64", 1, 7, r(1, 4, 5, 64), r(1, 8, 9, 64), r(1, 8, 9, 64))),
		large(c("far scores, 128", 1, 5, r(1, 4, 5, 128), r(1, 8, 9, 128), r(1, 8, 9, 128))),
		large(c("far scores, 256", 1, 3.5, r(1, 4, 5, 256), r(1, 8, 9, 256), r(1, 8, 9, 256))),
		large(c("far scores, 7 in odd rows", 1, 20, p(1, 4, 5, 7, 9), p(1, 8, 9, 7, 9), p(1, 8, 9, 7, 9))),
		large(c("far scores, 63 in odd rows", 1, 7, p(1, 4, 5, 63, 65), p(1, 8, 9, 63, 65), p(1, 8, 9, 63, 65))),
		large(c("far scores, 127 in odd rows", 1, 5, p(1, 4, 5, 127, 129), p(1, 8, 9, 127, 129), p(1, 8, 9, 127, 129))),
		large(c("far scores, 255 in odd rows", 1, 3.5, p(1, 4, 5, 255, 257), p(1, 8, 9, 255, 257), p(1, 8, 9, 255, 257))),
		{Name: "several blocks of queries", Op: Attention{Heads: 1}, NoGrad: true,
			In: []kernels.Input{r(1, 33, 17, 4), r(1, 23, 11, 4), r(1, 23, 11, 4)}},
	}
}
