package linear

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Linear is the dense layer y = x w^T + bias + residual on the rows of x.
//
// Inputs: x (N,H,W,I), w (O,1,1,I), bias f32 (1,1,1,O) or absent, residual (N,H,W,O) or absent. Output: y (N,H,W,O). x and w are
// both f32 or both bf16. y has the type of x, or is f32 where OutF32 is set: a prediction is not rounded. The residual has the
// type of y.
type Linear struct {
	OutF32 bool `key:"OutF32"`
}

func init() {
	list := []kernels.Variant{
		kernels.Reference(linearReference[float32], linearReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS product over chunks of rows, bias and residual written first", elementwise.F32Only, nil, linearCPU),
	}
	kernels.Register(Linear{}, append(list, variants(linearProduct, byShape, tile128, tile64, tile32, anyPitch)...)...)
}

// Name implements kernels.Operator.
func (Linear) Name() string { return "linear" }

// ResidualIndex implements kernels.ResidualOperator.
func (Linear) ResidualIndex() int { return 3 }

// Infer implements kernels.Operator.
func (op Linear) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := required(op.Name(), in, 4, "x", "w"); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if err := matrix(op.Name(), w); err != nil {
		return nil, err
	}
	if w.C != x.C {
		return nil, fmt.Errorf("linear: x is %s and w is %s, expected w (O,1,1,%d)", x, w, x.C)
	}
	if b := spec(in, 2); b != nil && (b.Rows() != 1 || b.C != w.N) {
		return nil, fmt.Errorf("linear: bias is %s, expected (1,1,1,%d) for w %s", b, w.N, w)
	}
	y := x.WithC(w.N)
	if op.OutF32 {
		y.DType = kernels.F32
	}
	if r := spec(in, 3); r != nil && !r.SameShape(y) {
		return nil, fmt.Errorf("linear: residual is %s, expected the shape of the output %s", r, y)
	}
	return []kernels.Spec{y}, types(op.Name(), in, x.DType, x.DType, kernels.F32, y.DType)
}

// BF16Inputs implements kernels.MixedOperator: all but the bias, and the residual only where y is rounded.
func (op Linear) BF16Inputs() []int {
	if op.OutF32 {
		return []int{0, 1}
	}
	return []int{0, 1, 3}
}

// Cost implements kernels.Operator.
func (Linear) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return productCost(float64(out[0].Rows())*float64(out[0].C)*float64(in[0].C), in, out)
}

// Tolerance implements kernels.Operator.
func (Linear) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator. Where OutF32 is set and x is bf16, dy is rounded to bf16 for the products.
func (Linear) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	grads := make([]kernels.Value, len(n.In))
	dy := dout[0]
	if !dy.Ok() {
		return grads
	}
	if len(n.In) > 3 && n.In[3].Ok() && need[3] {
		grads[3] = dy
	}
	dy = cast(b, dy, n.In[0].Spec.DType)
	if need[0] {
		grads[0] = kernels.Emit1(b, LinearDgrad{}, dy, n.In[1])
	}
	withBias := len(n.In) > 2 && n.In[2].Ok() && need[2]
	if need[1] || withBias {
		out := b.Emit(LinearWgrad{Bias: withBias}, n.In[0], dy)
		copy(grads[1:], out)
	}
	return grads
}

// Cases implements kernels.Operator.
func (Linear) Cases() []kernels.Case {
	r, p, no := kernels.Randn, kernels.RandnPitch, kernels.Absent
	c := func(name string, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: Linear{}, In: in}
	}
	prediction := c("prediction", r(3, 1, 5, 24), r(3, 1, 1, 24), r(1, 1, 1, 3), r(3, 1, 5, 3))
	prediction.Op = Linear{OutF32: true}
	full := large(c("full tiles", r(130, 1, 1, 200), r(136, 1, 1, 200), r(1, 1, 1, 136), r(130, 1, 1, 136)))
	deep := large(c("deep", r(45, 1, 1, 1500), r(19, 1, 1, 1500), r(1, 1, 1, 19), r(45, 1, 1, 19)))
	list := []kernels.Case{prediction, full, wide(full)}
	for i, name := range []string{"ragged", "ragged with bias", "ragged with residual", "ragged with both"} {
		bias, residual := no(), no()
		if i&1 != 0 {
			bias = r(1, 1, 1, 19)
		}
		if i&2 != 0 {
			residual = r(45, 1, 1, 19)
		}
		cs := large(c(name, r(45, 1, 1, 24), r(19, 1, 1, 24), bias, residual))
		list = append(list, cs, wide(cs))
	}
	return append(list,
		c("one row", r(1, 1, 1, 5), r(3, 1, 1, 5), no(), no()),
		c("one channel", r(2, 3, 1, 1), r(1, 1, 1, 1), r(1, 1, 1, 1), no()),
		c("bias", r(2, 3, 3, 7), r(11, 1, 1, 7), r(1, 1, 1, 11), no()),
		c("residual", r(2, 2, 3, 8), r(16, 1, 1, 8), no(), r(2, 2, 3, 16)),
		c("pitches", p(3, 1, 5, 6, 24), p(9, 1, 1, 6, 17), r(1, 1, 1, 9), p(3, 1, 5, 9, 40)),
		deep, wide(deep),
		large(c("several chunks", p(67, 1, 10, 130, 136), r(65, 1, 1, 130), r(1, 1, 1, 65), r(67, 1, 10, 65))),
		large(c("chunks of outputs", r(31, 1, 1, 64), r(2200, 1, 1, 64), r(1, 1, 1, 2200), r(31, 1, 1, 2200))))
}

// wide is the case with a float32 output.
func wide(c kernels.Case) kernels.Case {
	c.Name += " to f32"
	c.Op = Linear{OutF32: true}
	return c
}

// productCost is the cost of a product of macs multiply-adds.
func productCost(macs float64, in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 2 * macs, MACs: macs, Bytes: kernels.IOBytes(in, out)}
}
