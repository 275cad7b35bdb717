package conv

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// Conv2DDgrad is the gradient of Conv2D in its input: (dy, w, residual?) -> dx; dy (N,OH,OW,Co), w (Co,KH,KW,Ci), dx
// (N,H,W,Ci), to which the residual is added. All have one type, f32 or bf16. It is linear in dy and in w.
type Conv2DDgrad struct {
	Geometry `key:"Geometry"`
	H        int `key:"H"` // input size of the convolution
	W        int `key:"W"` // input size of the convolution
}

func init() {
	kernels.Register(Conv2DDgrad{}, append([]kernels.Variant{
		kernels.Reference(conv2dDgradReference[float32], conv2dDgradReference[float64]),
		conv2dDgradFast}, dgradVariants()...)...)
}

// Name implements kernels.Operator.
func (Conv2DDgrad) Name() string { return "conv2d_dgrad" }

// ResidualIndex implements kernels.ResidualOperator.
func (Conv2DDgrad) ResidualIndex() int { return 2 }

// Infer implements kernels.Operator.
func (op Conv2DDgrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) < 2 || len(in) > 3 || in[0] == nil || in[1] == nil {
		return nil, fmt.Errorf("takes dy, w and an optional residual")
	}
	dy, w := in[0], in[1]
	if err := op.check(op.H, op.W); err != nil {
		return nil, err
	}
	oh, ow := op.Size(op.H, op.W)
	if dy.H != oh || dy.W != ow || dy.C != w.N || w.H != op.KH || w.W != op.KW {
		return nil, fmt.Errorf("gradient %s and weights %s do not fit an input of %dx%d", dy, w, op.H, op.W)
	}
	dx := kernels.Dense(dy.DType, dy.N, op.H, op.W, w.C)
	for i, want := range []kernels.Spec{*dy, w.WithDType(dy.DType), dx} {
		if err := operand(in, i, want); err != nil {
			return nil, err
		}
	}
	return []kernels.Spec{dx}, nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Conv2DDgrad) BF16Inputs() []int { return []int{0, 1, 2} }

// Cost implements kernels.Operator.
func (op Conv2DDgrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	macs := float64(in[0].Elements()) * float64(op.KH*op.KW*in[1].C)
	return kernels.Cost{FLOPs: 2 * macs, MACs: macs, Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (op Conv2DDgrad) Tolerance(d kernels.DType) kernels.Tol {
	if op.Upsample2x {
		return folded(d, 16*256, 36.0/16)
	}
	return tolerance(d)
}

// Grad implements kernels.Operator.
func (op Conv2DDgrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if need[0] {
		d[0] = kernels.Emit1(b, Conv2D{Geometry: op.Geometry}, dout[0], n.In[1])
	}
	if need[1] {
		d[1] = kernels.Emit1(b, Conv2DWgrad{Geometry: op.Geometry}, dout[0], n.In[0])
	}
	if len(need) > 2 && need[2] {
		d[2] = dout[0]
	}
	return d
}
