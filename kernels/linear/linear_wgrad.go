package linear

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// LinearWgrad is the gradient of a dense layer's parameters: dw = dy^T x and, with Bias, db = the sum of dy's rows.
//
// Inputs: x (N,H,W,I) and dy (N,H,W,O), both f32 or both bf16. Outputs: dw f32 (O,1,1,I) and, with Bias, db f32 (1,1,1,O); both accumulate.
type LinearWgrad struct {
	Bias bool `key:"Bias"`
}

func init() {
	list := []kernels.Variant{
		kernels.Reference(linearWgradReference[float32], linearWgradReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS products over parts of the rows and blocks of outputs, parts added in order", elementwise.F32Only, linearWgradWorkspace, linearWgradCPU),
	}
	kernels.Register(LinearWgrad{}, append(list, variants(linearWgradProduct, byShape, tile128, tile64, tile32, anyPitch)...)...)
}

// Name implements kernels.Operator.
func (LinearWgrad) Name() string { return "linear_wgrad" }

// Accumulates implements kernels.AccumulatingOperator.
func (LinearWgrad) Accumulates(int) bool { return true }

// Differentiable lists the outputs whose gradients flow back: all of them.
func (op LinearWgrad) Differentiable() []int {
	if op.Bias {
		return []int{0, 1}
	}
	return []int{0}
}

// Infer implements kernels.Operator.
func (op LinearWgrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := required(op.Name(), in, 2, "x", "dy"); err != nil {
		return nil, err
	}
	x, dy := in[0], in[1]
	if x.N != dy.N || x.H != dy.H || x.W != dy.W {
		return nil, fmt.Errorf("linear_wgrad: x is %s and dy is %s, expected the same N, H and W", x, dy)
	}
	out := []kernels.Spec{kernels.Dense(kernels.F32, dy.C, 1, 1, x.C)}
	if op.Bias {
		out = append(out, kernels.Vector(kernels.F32, dy.C))
	}
	return out, types(op.Name(), in, x.DType, x.DType)
}

// BF16Inputs implements kernels.MixedOperator: both.
func (LinearWgrad) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (LinearWgrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return productCost(float64(in[0].Rows())*float64(in[0].C)*float64(in[1].C), in, out)
}

// Tolerance implements kernels.Operator.
func (LinearWgrad) Tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return tolerance(d)
	}
	return kernels.Tol{Abs: 1e-4, Rel: 1e-5, Why: "float32 sums over up to a thousand rows of products of standard normals: about sqrt(K)*sqrt(K)*2^-24 absolute"}
}

// Grad implements kernels.Operator. The gradient of dw is float32; it is rounded for the products where x and dy are bf16.
func (LinearWgrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	grads := make([]kernels.Value, len(n.In))
	x, dy, g := n.In[0], n.In[1], dout[0]
	var gb kernels.Value
	if len(dout) > 1 {
		gb = dout[1]
	}
	g = cast(b, g, x.Spec.DType)
	if need[0] && g.Ok() {
		grads[0] = kernels.Emit1(b, LinearDgrad{}, dy, g)
	}
	switch {
	case !need[1]:
	case g.Ok():
		grads[1] = kernels.Emit1(b, Linear{}, x, g, gb)
	case gb.Ok():
		grads[1] = cast(b, kernels.Emit1(b, elementwise.Broadcast{N: dy.Spec.N, H: dy.Spec.H, W: dy.Spec.W}, gb), dy.Spec.DType)
	}
	return grads
}

// Cases implements kernels.Operator.
func (LinearWgrad) Cases() []kernels.Case {
	r, p := kernels.Randn, kernels.RandnPitch
	c := func(name string, bias bool, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: LinearWgrad{Bias: bias}, In: in}
	}
	added := c("added to", true, r(3, 2, 1, 6), r(3, 2, 1, 10))
	added.State.Micro = 1
	return []kernels.Case{
		c("one row", false, r(1, 1, 1, 5), r(1, 1, 1, 3)),
		c("one channel", true, r(2, 3, 1, 1), r(2, 3, 1, 1)),
		c("bias", true, r(2, 3, 3, 7), r(2, 3, 3, 11)),
		c("pitches", true, p(3, 1, 5, 6, 24), p(3, 1, 5, 9, 40)),
		large(c("blocks of outputs", true, p(67, 1, 8, 130, 136), r(67, 1, 8, 65))),
		c("parts of the rows", true, r(1100, 1, 1, 3), r(1100, 1, 1, 4)),
		large(c("parts and blocks", true, p(1031, 1, 1, 60, 61), p(1031, 1, 1, 150, 153))),
		large(c("full tiles", true, r(200, 1, 1, 136), r(200, 1, 1, 130))),
		large(c("deep", true, r(1500, 1, 1, 19), r(1500, 1, 1, 45))),
		added,
	}
}
