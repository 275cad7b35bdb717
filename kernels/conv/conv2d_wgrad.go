package conv

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Conv2DWgrad is the gradient of Conv2D in its weights and bias: (x, dy) -> (dw, dbias?); x (N,H,W,Ci), dy (N,OH,OW,Co),
// dw (Co,KH,KW,Ci), dbias (1,1,1,Co) where Bias is set. x and dy are both f32 or both bf16; dw and dbias are f32 and accumulate
// over micro-batches.
type Conv2DWgrad struct {
	Geometry `key:"Geometry"`
	Bias     bool `key:"Bias"`
}

func init() {
	kernels.Register(Conv2DWgrad{}, append([]kernels.Variant{
		kernels.Reference(conv2dWgradReference[float32], conv2dWgradReference[float64]),
		conv2dWgradFast}, wgradVariants()...)...)
}

// Name implements kernels.Operator.
func (Conv2DWgrad) Name() string { return "conv2d_wgrad" }

// Accumulates implements kernels.AccumulatingOperator.
func (Conv2DWgrad) Accumulates(int) bool { return true }

// Infer implements kernels.Operator.
func (op Conv2DWgrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) != 2 || in[0] == nil || in[1] == nil {
		return nil, fmt.Errorf("takes x and dy")
	}
	x, dy := in[0], in[1]
	if err := op.check(x.H, x.W); err != nil {
		return nil, err
	}
	if oh, ow := op.Size(x.H, x.W); dy.N != x.N || dy.H != oh || dy.W != ow {
		return nil, fmt.Errorf("gradient %s does not fit input %s", dy, x)
	}
	if err := operand(in, 1, dy.WithDType(x.DType)); err != nil {
		return nil, err
	}
	out := []kernels.Spec{kernels.Dense(kernels.F32, dy.C, op.KH, op.KW, x.C)}
	if op.Bias {
		out = append(out, kernels.Vector(kernels.F32, dy.C))
	}
	return out, nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Conv2DWgrad) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (op Conv2DWgrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	macs := float64(in[1].Elements()) * float64(op.KH*op.KW*in[0].C)
	return kernels.Cost{FLOPs: 2 * macs, MACs: macs, Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Conv2DWgrad) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator.
func (op Conv2DWgrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	x, dy := n.In[0], n.In[1]
	d := make([]kernels.Value, 2)
	if need[0] && dout[0].Ok() {
		d[0] = kernels.Emit1(b, Conv2DDgrad{Geometry: op.Geometry, H: x.Spec.H, W: x.Spec.W}, dy, dout[0])
	}
	if !need[1] {
		return d
	}
	if dout[0].Ok() {
		d[1] = kernels.Emit1(b, Conv2D{Geometry: op.Geometry}, x, dout[0])
	}
	if op.Bias && dout[1].Ok() {
		rows := kernels.Emit1(b, elementwise.Broadcast{N: dy.Spec.N, H: dy.Spec.H, W: dy.Spec.W}, dout[1])
		if d[1].Ok() {
			rows = kernels.Emit1(b, elementwise.Add{Alpha: 1, Beta: 1}, d[1], rows)
		}
		d[1] = rows
	}
	return d
}
