package norm

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// GroupNormGrad is the gradient of GroupNorm, with the same attributes. With dz the gradient of z, through dropout and
// activation, du = dz (1 + scale), dxhat = du gamma and averages over a group,
//
//	dx = (dxhat - avg(dxhat) - xhat avg(dxhat xhat)) / sqrt(variance + Eps) + residual
//	dgamma = sum du xhat;  dbeta = sum du;  dscale = sum over an image of dz u;  dshift = sum over an image of dz
//
// Inputs: x, gamma, beta, scaleShift or absent, stats as in GroupNorm, dy (N,H,W,C), residual (N,H,W,C) or absent. x,
// scaleShift, dy and residual are of one type, f32 or bf16. Outputs: dx (N,H,W,C) of that type; dgamma and dbeta f32 (1,1,1,C), both accumulate; with scaleShift its gradient (N,1,1,2C). Second
// derivatives are not offered.
type GroupNormGrad struct {
	Groups     int              `key:"Groups"`
	Eps        float64          `key:"Eps"`
	Activation elementwise.Kind `key:"Activation"`
	Dropout    float64          `key:"Dropout"`
	Stream     uint32           `key:"-"`
}

func init() {
	kernels.Register(GroupNormGrad{},
		kernels.Reference(groupNormGradReference[float32], groupNormGradReference[float64]),
		kernels.Func("cpu", 1, "two_pass", "sums in one pass that leaves dz in dx, dx in a second one", elementwise.F32Only, groupNormGradWorkspace, groupNormGradCPU),
		gpu.Kernel(1, "resident", "one read: an image's slices of whole groups of x and dy stay in shared memory", groupNormGradSlabSupports,
			groupNormGradSlabScratch, groupNormGradSlabCUDA),
		gpu.Kernel(2, "two_pass", "any size and layout: sums over chunks, then dx", streamSupports, groupNormGradStreamScratch, groupNormGradStreamCUDA))
}

// Name implements kernels.Operator.
func (GroupNormGrad) Name() string { return "group_norm_grad" }

// BF16Inputs implements kernels.MixedOperator: x, scaleShift, dy and residual.
func (GroupNormGrad) BF16Inputs() []int { return []int{0, 3, 5, 6} }

// ResidualIndex implements kernels.ResidualOperator.
func (GroupNormGrad) ResidualIndex() int { return 6 }

// Accumulates implements kernels.AccumulatingOperator.
func (GroupNormGrad) Accumulates(i int) bool { return i == 1 || i == 2 }

// Infer implements kernels.Operator.
func (op GroupNormGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := needed(op.Name(), in, "x", "gamma", "beta", "", "stats", "dy", ""); err != nil {
		return nil, err
	}
	forward := GroupNorm(op)
	if err := forward.check(in[:4]); err != nil {
		return nil, fmt.Errorf("gradient of %w", err)
	}
	x, dy := in[0], in[5]
	if stats := forward.stats(x); !in[4].SameShape(stats) || in[4].DType != kernels.F32 {
		return nil, fmt.Errorf("group_norm_grad: stats is %s, expected %s", in[4], stats)
	}
	if !dy.SameShape(*x) {
		return nil, fmt.Errorf("group_norm_grad: dy is %s, expected the shape of x %s", dy, x)
	}
	if r := spec(in, 6); r != nil && !r.SameShape(*x) {
		return nil, fmt.Errorf("group_norm_grad: residual is %s, expected the shape of x %s", r, x)
	}
	if r := spec(in, 6); dy.DType != x.DType || r != nil && r.DType != x.DType {
		return nil, fmt.Errorf("group_norm_grad: dy is %s and residual %v, expected the type of x %s", dy, r, x)
	}
	vector := kernels.Vector(kernels.F32, x.C)
	out := []kernels.Spec{dy.WithC(dy.C), vector, vector}
	if ss := in[3]; ss != nil {
		out = append(out, ss.WithC(ss.C))
	}
	return out, nil
}

// Cost implements kernels.Operator.
func (GroupNormGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 20 * float64(in[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (GroupNormGrad) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator: second derivatives are not offered.
func (GroupNormGrad) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}

// Cases implements kernels.Operator. The statistics are drawn, not computed from x; GroupNorm's own cases check the gradient
// on true ones.
func (GroupNormGrad) Cases() []kernels.Case {
	r, p, no := kernels.Randn, kernels.RandnPitch, kernels.Absent
	c := func(name string, op GroupNormGrad, in ...kernels.Input) kernels.Case {
		op.Eps = 1e-5
		return kernels.Case{Name: name, Op: op, In: in, NoGrad: true, State: kernels.StepState{Seed: 77, Step: 3, SampleBase: 5}}
	}
	v := func(n int) kernels.Input { return r(1, 1, 1, n) }
	stats := func(n, groups int) kernels.Input { return kernels.RandUniform(0.5, 1.2, n, 1, groups, 2) }
	list := []kernels.Case{
		c("one pixel", GroupNormGrad{Groups: 2}, r(2, 1, 1, 6), v(6), v(6), no(), stats(2, 2), r(2, 1, 1, 6), no()),
		c("one element a group", GroupNormGrad{Groups: 3}, r(1, 1, 1, 3), v(3), v(3), no(), stats(1, 3), r(1, 1, 1, 3)),
		c("plain", GroupNormGrad{Groups: 2}, r(2, 3, 5, 8), v(8), v(8), no(), stats(2, 2), r(2, 3, 5, 8), no()),
		c("residual", GroupNormGrad{Groups: 2}, r(2, 3, 5, 8), v(8), v(8), no(), stats(2, 2), r(2, 3, 5, 8), r(2, 3, 5, 8)),
		c("silu", GroupNormGrad{Groups: 3, Activation: silu}, r(3, 5, 3, 9), v(9), v(9), no(), stats(3, 3), r(3, 5, 3, 9), no()),
		c("gelu", GroupNormGrad{Groups: 1, Activation: elementwise.GELU}, r(2, 3, 3, 5), v(5), v(5), no(), stats(2, 1), r(2, 3, 3, 5), no()),
		c("scale and shift", GroupNormGrad{Groups: 2, Activation: silu}, r(2, 3, 5, 6), v(6), v(6), r(2, 1, 1, 12), stats(2, 2), r(2, 3, 5, 6), r(2, 3, 5, 6)),
		c("dropout", GroupNormGrad{Groups: 7, Activation: silu, Dropout: 0.3, Stream: 9}, r(2, 3, 3, 7), v(7), v(7), no(), stats(2, 7), r(2, 3, 3, 7), no()),
		c("dropout alone", GroupNormGrad{Groups: 1, Dropout: 0.5}, r(9, 3, 1, 3), v(3), v(3), r(9, 1, 1, 6), stats(9, 1), r(9, 3, 1, 3), no()),
		c("dropout below float32", GroupNormGrad{Groups: 1, Dropout: 1e-60}, r(2, 3, 1, 3), v(3), v(3), no(), stats(2, 1), r(2, 3, 1, 3), no()),
		c("pitches", GroupNormGrad{Groups: 4, Activation: silu, Dropout: 0.1}, p(2, 3, 3, 12, 29), v(12), v(12), p(2, 1, 1, 24, 31), stats(2, 4), p(2, 3, 3, 12, 15), p(2, 3, 3, 12, 21)),
		c("gelu pitches", GroupNormGrad{Groups: 4, Activation: elementwise.GELU, Dropout: 0.1}, p(9, 1, 3, 12, 40), v(12), v(12), no(), stats(9, 4), p(9, 1, 3, 12, 25), no()),
		c("several tiles", GroupNormGrad{Groups: 8, Activation: silu, Dropout: 0.2}, r(2, 13, 17, 40), v(40), v(40), no(), stats(2, 8), r(2, 13, 17, 40), no()),
	}
	for _, l := range layouts {
		list = append(list, l.gradient())
	}
	return list
}
