package norm

import (
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// GroupNorm is group normalisation (Wu and He 2018, equations 1, 2 and 7) with what follows it in a residual block. In each
// image the C channels form Groups groups of neighbours; over the pixels and channels of a group, with biased variance,
//
//	xhat = (x - mean) / sqrt(variance + Eps);  u = gamma xhat + beta;  z = u (1 + scale) + shift, where scaleShift is given;
//	y = dropout(activation(z))
//
// Dropout zeroes an element with probability Dropout and divides the others by 1-Dropout. Element e (its H,W,C index in image n)
// is kept where the Philox uniform of (State.Seed, e, State.SampleBase + n, State.Step, Stream) is at least Dropout.
//
// Inputs: x (N,H,W,C), gamma and beta (1,1,1,C), scaleShift (N,1,1,2C) or absent: C scales, then C shifts, channelStats (N,1,1,2C)
// or absent. x and scaleShift are of one type, f32 or bf16, gamma, beta and channelStats f32. Outputs: y (N,H,W,C)
// of x's type and stats f32 (N,1,Groups,2): mean and 1/sqrt(variance + Eps), kept for the gradient and without one of their own.
//
// Elements 2c and 2c+1 of channelStats are the mean of channel c over the pixels of the image and the sum of the squared deviations
// from it. Mean and variance of a group are then joined from those of its channels (Chan, Golub and LeVeque 1983) and x is read only
// once. They are taken for those of x: channelStats has no gradient of its own, since dx of GroupNormGrad already accounts for how
// mean and variance depend on x.
type GroupNorm struct {
	Groups     int              `key:"Groups"`
	Eps        float64          `key:"Eps"`
	Activation elementwise.Kind `key:"Activation"`
	Dropout    float64          `key:"Dropout"`
	Stream     uint32           `key:"-"`
}

func init() {
	kernels.Register(GroupNorm{},
		kernels.Reference(groupNormReference[float32], groupNormReference[float64]),
		kernels.Func("cpu", 1, "two_pass", "moments in one pass, all the rest in a second one", elementwise.F32Only, nil, groupNormCPU),
		gpu.Kernel(1, "resident", "one read: an image's slice of whole groups stays in shared memory", groupNormSlabSupports, nil, groupNormSlabCUDA),
		gpu.Kernel(2, "two_pass", "any size and layout: moments of chunks, then y", groupNormStreamSupports, groupNormStreamScratch, groupNormStreamCUDA),
		gpu.Kernel(3, "given_stats", "one read: the statistics are given", groupNormGivenSupports, groupNormGivenScratch, groupNormGivenCUDA))
}

// Name implements kernels.Operator.
func (GroupNorm) Name() string { return "group_norm" }

// BF16Inputs implements kernels.MixedOperator: x and scaleShift.
func (GroupNorm) BF16Inputs() []int { return []int{0, 3} }

// Infer implements kernels.Operator.
func (op GroupNorm) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := needed(op.Name(), in, "x", "gamma", "beta", "", ""); err != nil {
		return nil, err
	}
	if err := op.check(in); err != nil {
		return nil, err
	}
	return []kernels.Spec{in[0].WithC(in[0].C), op.stats(in[0])}, nil
}

// check holds the attributes and the shapes of x, gamma, beta, scaleShift and channelStats against each other.
func (op GroupNorm) check(in []*kernels.Spec) error {
	x := in[0]
	if op.Groups < 1 || x.C%op.Groups != 0 {
		return fmt.Errorf("%s: %d groups for x %s, expected a positive divisor of %d channels", op.Name(), op.Groups, x, x.C)
	}
	if !(op.Eps > 0) || math.IsInf(op.Eps, 0) {
		return fmt.Errorf("%s: Eps is %v, expected a small positive number", op.Name(), op.Eps)
	}
	if !(op.Dropout >= 0 && op.Dropout < 1) {
		return fmt.Errorf("%s: Dropout is %v, expected a probability in [0, 1)", op.Name(), op.Dropout)
	}
	if err := op.Activation.Valid(); err != nil {
		return fmt.Errorf("%s: %w", op.Name(), err)
	}
	for i, name := range []string{1: "gamma", 2: "beta"} {
		if i > 0 && (in[i].Rows() != 1 || in[i].C != x.C) {
			return fmt.Errorf("%s: %s is %s, expected (1,1,1,%d) for x %s", op.Name(), name, in[i], x.C, x)
		}
	}
	if s := spec(in, 3); s != nil && (s.N != x.N || s.H != 1 || s.W != 1 || s.C != 2*x.C) {
		return fmt.Errorf("%s: scaleShift is %s, expected (%d,1,1,%d) for x %s", op.Name(), s, x.N, 2*x.C, x)
	}
	if s := spec(in, 3); s != nil && s.DType != x.DType {
		return fmt.Errorf("%s: scaleShift is %s, expected the type of x %s", op.Name(), s, x)
	}
	if in[1].DType != kernels.F32 || in[2].DType != kernels.F32 {
		return fmt.Errorf("%s: gamma is %s and beta %s, expected f32", op.Name(), in[1], in[2])
	}
	want := kernels.Dense(kernels.F32, x.N, 1, 1, 2*x.C)
	if s := spec(in, 4); s != nil && (!s.SameShape(want) || s.DType != kernels.F32) {
		return fmt.Errorf("%s: channelStats is %s, expected %s for x %s", op.Name(), s, want, x)
	}
	return nil
}

// stats is the spec of the statistics of x.
func (op GroupNorm) stats(x *kernels.Spec) kernels.Spec {
	return kernels.Dense(kernels.F32, x.N, 1, op.Groups, 2)
}

// Cost implements kernels.Operator.
func (op GroupNorm) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 10 * float64(in[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (GroupNorm) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator.
func (op GroupNorm) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	grads := make([]kernels.Value, len(n.In))
	if !dout[0].Ok() {
		return grads
	}
	var scaleShift kernels.Value
	if len(n.In) > 3 {
		scaleShift = n.In[3]
	}
	out := b.Emit(GroupNormGrad(op), n.In[0], n.In[1], n.In[2], scaleShift, n.Out[1], dout[0])
	copy(grads, out)
	return grads
}

// Cases implements kernels.Operator. Each case is there with statistics taken and with given ones, which are not those of x.
func (GroupNorm) Cases() []kernels.Case {
	r, p, no := kernels.Randn, kernels.RandnPitch, kernels.Absent
	c := func(name string, op GroupNorm, in ...kernels.Input) kernels.Case {
		op.Eps = 1e-5
		return kernels.Case{Name: name, Op: op, In: in, State: kernels.StepState{Seed: 77, Step: 3, SampleBase: 5}}
	}
	v := func(n int) kernels.Input { return r(1, 1, 1, n) }
	list := []kernels.Case{
		c("one pixel", GroupNorm{Groups: 2}, r(2, 1, 1, 6), v(6), v(6), no()),
		c("one element a group", GroupNorm{Groups: 3}, r(1, 1, 1, 3), v(3), v(3)),
		c("plain", GroupNorm{Groups: 2}, r(2, 3, 5, 8), v(8), v(8), no()),
		c("silu", GroupNorm{Groups: 3, Activation: elementwise.SiLU}, r(3, 5, 3, 9), v(9), v(9), no()),
		c("gelu", GroupNorm{Groups: 1, Activation: elementwise.GELU}, r(2, 3, 3, 5), v(5), v(5), no()),
		c("scale and shift", GroupNorm{Groups: 2, Activation: elementwise.SiLU}, r(2, 3, 5, 6), v(6), v(6), r(2, 1, 1, 12)),
		c("dropout", GroupNorm{Groups: 7, Activation: elementwise.SiLU, Dropout: 0.3, Stream: 9}, r(2, 3, 3, 7), v(7), v(7), no()),
		c("dropout alone", GroupNorm{Groups: 1, Dropout: 0.5, Stream: 1}, r(9, 3, 1, 3), v(3), v(3), r(9, 1, 1, 6)),
		c("pitches", GroupNorm{Groups: 4, Activation: elementwise.SiLU, Dropout: 0.1}, p(2, 3, 3, 12, 29), v(12), v(12), p(2, 1, 1, 24, 31)),
		c("gelu pitches", GroupNorm{Groups: 4, Activation: elementwise.GELU}, p(9, 1, 3, 12, 40), v(12), v(12), no()),
		c("several tiles", GroupNorm{Groups: 8, Activation: elementwise.SiLU, Dropout: 0.2}, r(2, 13, 17, 40), v(40), v(40), no()),
		c("off center", GroupNorm{Groups: 2}, kernels.RandUniform(30, 31, 2, 6, 7, 16), v(16), v(16)),
		c("off center, elements", GroupNorm{Groups: 1}, kernels.RandUniform(30, 31, 2, 6, 7, 5), v(5), v(5)),
	}
	for _, l := range layouts {
		list = append(list, l.forward())
	}
	for _, cs := range list {
		list = append(list, given(cs))
	}
	return list
}

// given is a case with drawn statistics of channels.
func given(cs kernels.Case) kernels.Case {
	x := cs.In[0].Spec
	stats := kernels.RandUniform(0.5, 3, x.N, 1, 1, 2*x.C)
	stats.Spec.Pitch += x.Pitch % 8
	in := append(slices.Clone(cs.In), kernels.Absent())
	cs.Name, cs.In, cs.NoGrad = "given, "+cs.Name, append(in[:4], stats), true
	return cs
}

// tolerance is shared by both operators.
func tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 2e-2, Rel: 1.0 / 64, Why: "operands and results are rounded to 8 significant bits"}
	}
	return kernels.Tol{Abs: 5e-5, Rel: 3e-5, Why: "float32 sums over a group and the affine map folded into one multiply-add, for inputs of order one"}
}
