package attention

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// AttentionGrad is the gradient of Attention. With P recomputed from lse and D_i = do_i.o_i (Dao et al. 2022, appendix B.4):
// dv_j = sum_i P_ij do_i, dS_ij = P_ij (do_i.v_j - D_i), dq_i = Scale sum_j dS_ij k_j, dk_j = Scale sum_i dS_ij q_i.
//
// Inputs: q, k, v, o, lse as in Attention and do (N,H,W,C). Outputs: dq, dk, dv of the shapes and types of q, k, v. Second
// derivatives are not offered.
type AttentionGrad struct {
	Heads int     `key:"Heads"`
	Scale float64 `key:"Scale"`
}

func init() {
	list := []kernels.Variant{
		kernels.Reference(attentionGradReference[float32], attentionGradReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS products over images and heads, weights recomputed", elementwise.F32Only, attentionGradWorkspace, attentionGradCPU),
	}
	kernels.Register(AttentionGrad{}, append(list, variants(attentionGradShared, attentionGradScratch, attentionGradCUDA)...)...)
}

// Name implements kernels.Operator.
func (AttentionGrad) Name() string { return "attention_grad" }

// forward returns the operator that this is the gradient of.
func (op AttentionGrad) forward() Attention { return Attention(op) }

// Infer implements kernels.Operator.
func (op AttentionGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := operands(op.Name(), in, "q", "k", "v", "o", "lse", "do"); err != nil {
		return nil, err
	}
	q, k, v := in[0], in[1], in[2]
	if err := op.forward().check(q, k, v); err != nil {
		return nil, fmt.Errorf("gradient of %w", err)
	}
	if lse := op.forward().lse(q); !in[4].SameShape(lse) || in[4].DType != kernels.F32 {
		return nil, fmt.Errorf("attention_grad: lse is %s, expected %s", in[4], lse)
	}
	if !in[3].SameShape(*q) || !in[5].SameShape(*q) || in[3].DType != q.DType || in[5].DType != q.DType {
		return nil, fmt.Errorf("attention_grad: o is %s and do is %s, expected the shape and type of q %s", in[3], in[5], q)
	}
	return []kernels.Spec{q.WithC(q.C), k.WithC(k.C), v.WithC(v.C)}, nil
}

// BF16Inputs implements kernels.MixedOperator: all but lse.
func (AttentionGrad) BF16Inputs() []int { return []int{0, 1, 2, 3, 5} }

// Cost implements kernels.Operator.
func (op AttentionGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return op.forward().cost(5, in, out)
}

// Tolerance implements kernels.Operator.
func (AttentionGrad) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator: second derivatives are not offered.
func (AttentionGrad) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}

// Cases implements kernels.Operator. The log-sum-exp is drawn between 2 and 3 so that the weights are numbers of order one;
// Attention's own cases check the gradient on weights that sum to one.
func (AttentionGrad) Cases() []kernels.Case {
	r, p, lse := kernels.Randn, kernels.RandnPitch, kernels.RandUniform
	c := func(name string, heads int, scale float64, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: AttentionGrad{Heads: heads, Scale: scale}, In: in, NoGrad: true}
	}
	return []kernels.Case{
		c("one pixel", 1, 0, r(1, 1, 1, 3), r(1, 1, 1, 3), r(1, 1, 1, 3), r(1, 1, 1, 3), lse(2, 3, 1, 1, 1, 1), r(1, 1, 1, 3)),
		c("one channel a head", 5, 0, r(2, 2, 2, 5), r(2, 2, 2, 5), r(2, 2, 2, 5), r(2, 2, 2, 5), lse(2, 3, 2, 1, 5, 4), r(2, 2, 2, 5)),
		c("heads", 3, 0, r(2, 3, 5, 12), r(2, 3, 5, 12), r(2, 3, 5, 12), r(2, 3, 5, 12), lse(2, 3, 2, 1, 3, 15), r(2, 3, 5, 12)),
		c("other keys", 2, 0.5, r(2, 3, 2, 6), r(2, 1, 5, 6), r(2, 1, 5, 6), r(2, 3, 2, 6), lse(2, 3, 2, 1, 2, 6), r(2, 3, 2, 6)),
		c("pitches", 2, 0, p(2, 2, 3, 8, 24), p(2, 2, 3, 8, 25), p(2, 2, 3, 8, 26), p(2, 2, 3, 8, 11), lse(2, 3, 2, 1, 2, 6), p(2, 2, 3, 8, 9)),
		c("heads of a chunk", 3, 0, p(2, 7, 5, 24, 72), p(2, 7, 5, 24, 72), p(2, 7, 5, 24, 72), r(2, 7, 5, 24), lse(2, 3, 2, 1, 3, 35), r(2, 7, 5, 24)),
		c("heads of 32", 2, 0, p(1, 8, 9, 64, 192), p(1, 9, 8, 64, 192), p(1, 9, 8, 64, 192), r(1, 8, 9, 64), lse(4, 5, 1, 1, 2, 72), r(1, 8, 9, 64)),
		c("head of 64", 1, 0, r(1, 8, 9, 64), r(1, 9, 8, 64), r(1, 9, 8, 64), r(1, 8, 9, 64), lse(4, 5, 1, 1, 1, 72), r(1, 8, 9, 64)),
		c("head of 21", 1, 0, r(1, 3, 5, 21), r(1, 3, 5, 21), r(1, 3, 5, 21), r(1, 3, 5, 21), lse(2, 3, 1, 1, 1, 15), r(1, 3, 5, 21)),
		c("head of 45", 1, 0, r(1, 3, 7, 45), r(1, 3, 7, 45), r(1, 3, 7, 45), r(1, 3, 7, 45), lse(3, 4, 1, 1, 1, 21), r(1, 3, 7, 45)),
		c("head of 77", 1, 0, r(1, 3, 7, 77), r(1, 3, 7, 77), r(1, 3, 7, 77), r(1, 3, 7, 77), lse(3, 4, 1, 1, 1, 21), r(1, 3, 7, 77)),
		c("head of 133", 1, 0, r(1, 3, 7, 133), r(1, 3, 7, 133), r(1, 3, 7, 133), r(1, 3, 7, 133), lse(3, 4, 1, 1, 1, 21), r(1, 3, 7, 133)),
		c("head of 68", 1, 0, r(1, 4, 9, 68), r(1, 4, 9, 68), r(1, 4, 9, 68), r(1, 4, 9, 68), lse(2, 3, 1, 1, 1, 36), r(1, 4, 9, 68)),
		c("head of 128", 1, 0, r(1, 8, 9, 128), r(1, 9, 8, 128), r(1, 9, 8, 128), r(1, 8, 9, 128), lse(4, 5, 1, 1, 1, 72), r(1, 8, 9, 128)),
		c("head of 256", 1, 0, p(1, 8, 9, 256, 768), p(1, 9, 8, 256, 768), p(1, 9, 8, 256, 768), r(1, 8, 9, 256), lse(4, 5, 1, 1, 1, 72), r(1, 8, 9, 256)),
		c("head of 130 in odd rows", 1, 0, p(1, 3, 13, 130, 131), p(1, 3, 13, 130, 133), p(1, 3, 13, 130, 135), p(1, 3, 13, 130, 137),
			lse(2, 3, 1, 1, 1, 39), p(1, 3, 13, 130, 139)),
		c("several blocks of queries", 1, 0, r(1, 33, 17, 4), r(1, 23, 11, 4), r(1, 23, 11, 4), r(1, 33, 17, 4), lse(5, 6, 1, 1, 1, 561), r(1, 33, 17, 4)),
	}
}
