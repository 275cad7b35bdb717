package linear

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// LinearDgrad is the gradient of a dense layer's input: dx = dy w + residual.
//
// Inputs: dy (N,H,W,O), w (O,1,1,I), residual (N,H,W,I) or absent, all f32 or all bf16. Output: dx (N,H,W,I) of that type.
type LinearDgrad struct{}

func init() {
	list := []kernels.Variant{
		kernels.Reference(linearDgradReference[float32], linearDgradReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS product over chunks of rows, residual written first", elementwise.F32Only, nil, linearDgradCPU),
	}
	kernels.Register(LinearDgrad{}, append(list, variants(linearDgradProduct, byShape, tile128, tile64, tile32, anyPitch)...)...)
}

// Name implements kernels.Operator.
func (LinearDgrad) Name() string { return "linear_dgrad" }

// ResidualIndex implements kernels.ResidualOperator.
func (LinearDgrad) ResidualIndex() int { return 2 }

// Infer implements kernels.Operator.
func (op LinearDgrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := required(op.Name(), in, 3, "dy", "w"); err != nil {
		return nil, err
	}
	dy, w := in[0], in[1]
	if err := matrix(op.Name(), w); err != nil {
		return nil, err
	}
	if dy.C != w.N {
		return nil, fmt.Errorf("linear_dgrad: dy is %s and w is %s, expected w (%d,1,1,I)", dy, w, dy.C)
	}
	dx := dy.WithC(w.C)
	if r := spec(in, 2); r != nil && !r.SameShape(dx) {
		return nil, fmt.Errorf("linear_dgrad: residual is %s, expected the shape of the output %s", r, dx)
	}
	return []kernels.Spec{dx}, types(op.Name(), in, dy.DType, dy.DType, dy.DType)
}

// BF16Inputs implements kernels.MixedOperator: all of them.
func (LinearDgrad) BF16Inputs() []int { return []int{0, 1, 2} }

// Cost implements kernels.Operator.
func (LinearDgrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return productCost(float64(out[0].Rows())*float64(out[0].C)*float64(in[0].C), in, out)
}

// Tolerance implements kernels.Operator.
func (LinearDgrad) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator.
func (LinearDgrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	grads := make([]kernels.Value, len(n.In))
	g := dout[0]
	if !g.Ok() {
		return grads
	}
	if need[0] {
		grads[0] = kernels.Emit1(b, Linear{}, g, n.In[1])
	}
	if need[1] {
		grads[1] = kernels.Emit1(b, LinearWgrad{}, g, n.In[0])
	}
	if len(n.In) > 2 && n.In[2].Ok() && need[2] {
		grads[2] = g
	}
	return grads
}

// Cases implements kernels.Operator.
func (LinearDgrad) Cases() []kernels.Case {
	r, p, no := kernels.Randn, kernels.RandnPitch, kernels.Absent
	c := func(name string, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: LinearDgrad{}, In: in}
	}
	return []kernels.Case{
		c("one row", r(1, 1, 1, 3), r(3, 1, 1, 5), no()),
		c("one channel", r(2, 3, 1, 1), r(1, 1, 1, 1), no()),
		c("residual", r(2, 2, 3, 8), r(8, 1, 1, 11), r(2, 2, 3, 11)),
		c("pitches", p(3, 1, 5, 9, 24), p(9, 1, 1, 6, 17), p(3, 1, 5, 6, 40)),
		large(c("deep", r(45, 1, 1, 1500), r(1500, 1, 1, 19), r(45, 1, 1, 19))),
		large(c("ragged", r(45, 1, 1, 24), r(24, 1, 1, 19), no())),
		large(c("ragged with residual", r(45, 1, 1, 24), r(24, 1, 1, 19), r(45, 1, 1, 19))),
		large(c("full tiles", r(130, 1, 1, 200), r(200, 1, 1, 136), r(130, 1, 1, 136))),
		large(c("several chunks", p(67, 1, 10, 130, 136), r(130, 1, 1, 65), r(67, 1, 10, 65))),
		large(c("chunks of inputs", r(31, 1, 1, 64), r(64, 1, 1, 2200), r(31, 1, 1, 2200))),
	}
}
