// Package conv holds the two-dimensional convolution and its gradients. conv1d is conv2d with H = 1.
package conv

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Geometry is the attributes of a convolution: out[n,oh,ow,o] = sum over r,s,i of w[o,r,s,i] * x[n,ih,iw,i] with
// ih = oh*Stride - PadTop + r*Dilation (likewise iw), zero outside the input or wrapped where Circular is set.
// With Upsample2x the input is first enlarged to twice its size by nearest neighbours.
type Geometry struct {
	KH         int  `key:"KH"`
	KW         int  `key:"KW"`
	Stride     int  `key:"Stride"` // 0 means 1
	PadTop     int  `key:"PadTop"`
	PadBottom  int  `key:"PadBottom"`
	PadLeft    int  `key:"PadLeft"`
	PadRight   int  `key:"PadRight"`
	Dilation   int  `key:"Dilation"` // 0 means 1
	Circular   bool `key:"Circular"`
	Upsample2x bool `key:"Upsample2x"`
}

// Same returns the geometry of a k x k convolution of stride 1 that keeps the size.
func Same(k int) Geometry {
	p := (k - 1) / 2
	return Geometry{KH: k, KW: k, PadTop: p, PadBottom: k - 1 - p, PadLeft: p, PadRight: k - 1 - p}
}

func (g Geometry) stride() int   { return max(1, g.Stride) }
func (g Geometry) dilation() int { return max(1, g.Dilation) }

// scale is the enlargement of the input.
func (g Geometry) scale() int {
	if g.Upsample2x {
		return 2
	}
	return 1
}

// Size returns the output size for an input of h x w pixels.
func (g Geometry) Size(h, w int) (int, int) {
	h, w = h*g.scale(), w*g.scale()
	return (h+g.PadTop+g.PadBottom-g.dilation()*(g.KH-1)-1)/g.stride() + 1,
		(w+g.PadLeft+g.PadRight-g.dilation()*(g.KW-1)-1)/g.stride() + 1
}

// source maps an output row (or column) and tap to the input row; ok is false in the zero padding. size is the input size,
// before enlargement.
func (g Geometry) source(o, tap, pad, size int) (int, bool) {
	i := o*g.stride() - pad + tap*g.dilation()
	full := size * g.scale()
	if i < 0 || i >= full {
		if !g.Circular {
			return 0, false
		}
		i = ((i % full) + full) % full
	}
	return i / g.scale(), true
}

func (g Geometry) check(h, w int) error {
	if g.KH < 1 || g.KW < 1 || g.PadTop < 0 || g.PadBottom < 0 || g.PadLeft < 0 || g.PadRight < 0 || g.Stride < 0 || g.Dilation < 0 {
		return fmt.Errorf("impossible geometry %+v", g)
	}
	if oh, ow := g.Size(h, w); oh < 1 || ow < 1 {
		return fmt.Errorf("a %dx%d kernel with dilation %d does not fit an input of %dx%d", g.KH, g.KW, g.dilation(), h, w)
	}
	return nil
}

// Conv2D is the operator (x, w, bias?, perImageBias?, residual?) -> y: x (N,H,W,Ci), w (Co,KH,KW,Ci), bias (1,1,1,Co),
// perImageBias (N,1,1,Co), residual and y (N,OH,OW,Co). x and w are both f32 or both bf16, perImageBias has their type and the
// bias is f32. y has the type of x, or is f32 where OutF32 is set: the last layer's prediction is not rounded. The residual has
// the type of y.
//
// Where ChannelStats is set, for the norm that reads y, there is a second output, f32 (N,1,1,2Co): elements 2c and 2c+1 are the mean of
// channel c of y, as it is rounded, over the pixels of the image, and the sum of the squared deviations from it. It has no gradient of
// its own, see norm.GroupNorm. The CUDA kernels add squares in float32: of a channel whose mean is m deviations from zero they are good
// to m^2 2^-22 of themselves, which is below what rounding y to bf16 costs, but for f32 keep m below 30.
type Conv2D struct {
	Geometry     `key:"Geometry"`
	OutF32       bool `key:"OutF32"`
	ChannelStats bool `key:"ChannelStats"`
}

// Positions of the optional operands of Conv2D.
const (
	inX = iota
	inW
	inBias
	inImageBias
	inResidual
)

func init() {
	kernels.Register(Conv2D{}, append([]kernels.Variant{
		kernels.Reference(conv2dReference[float32], conv2dReference[float64]),
		conv2dFast}, conv2dVariants()...)...)
}

// Name implements kernels.Operator.
func (Conv2D) Name() string { return "conv2d" }

// ResidualIndex implements kernels.ResidualOperator.
func (Conv2D) ResidualIndex() int { return inResidual }

// Infer implements kernels.Operator.
func (op Conv2D) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) < 2 || len(in) > 5 || in[inX] == nil || in[inW] == nil {
		return nil, fmt.Errorf("takes x, w and optional bias, per-image bias, residual")
	}
	x, w := in[inX], in[inW]
	if w.H != op.KH || w.W != op.KW || w.C != x.C {
		return nil, fmt.Errorf("weights %s do not fit input %s and a %dx%d kernel", w, x, op.KH, op.KW)
	}
	if err := op.check(x.H, x.W); err != nil {
		return nil, err
	}
	oh, ow := op.Size(x.H, x.W)
	y := kernels.Dense(x.DType, x.N, oh, ow, w.N)
	if op.OutF32 {
		y.DType = kernels.F32
	}
	for i, want := range map[int]kernels.Spec{inX: *x, inW: w.WithDType(x.DType), inBias: kernels.Vector(kernels.F32, w.N),
		inImageBias: kernels.Dense(x.DType, x.N, 1, 1, w.N), inResidual: y} {
		if err := operand(in, i, want); err != nil {
			return nil, err
		}
	}
	if !op.ChannelStats {
		return []kernels.Spec{y}, nil
	}
	if op.OutF32 {
		return nil, fmt.Errorf("statistics are taken of outputs of the type of x, not of f32 predictions")
	}
	return []kernels.Spec{y, kernels.Dense(kernels.F32, y.N, 1, 1, 2*y.C)}, nil
}

// operand checks input i, if it is there, against the wanted shape and type.
func operand(in []*kernels.Spec, i int, want kernels.Spec) error {
	if i >= len(in) || in[i] == nil {
		return nil
	}
	if s := in[i]; !s.SameShape(want) || s.DType != want.DType || s.DType == kernels.I32 {
		return fmt.Errorf("operand %d is %s, expected shape and type of %s", i, s, want)
	}
	return nil
}

// BF16Inputs implements kernels.MixedOperator: all but the bias, and the residual only where y is rounded.
func (op Conv2D) BF16Inputs() []int {
	if op.OutF32 {
		return []int{inX, inW, inImageBias}
	}
	return []int{inX, inW, inImageBias, inResidual}
}

// Cost implements kernels.Operator.
func (op Conv2D) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	macs := float64(out[0].Elements()) * float64(op.KH*op.KW*in[inX].C)
	return kernels.Cost{FLOPs: 2 * macs, MACs: macs, Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (op Conv2D) Tolerance(d kernels.DType) kernels.Tol {
	if op.Upsample2x {
		return folded(d, 4*256, 36.0/16)
	}
	return tolerance(d)
}

// ToleranceOf implements kernels.OutputTolerance.
func (op Conv2D) ToleranceOf(_ []*kernels.Spec, i int, d kernels.DType) kernels.Tol {
	switch {
	case i == 0:
		return op.Tolerance(d)
	case op.Upsample2x:
		return kernels.Tol{Abs: 5e-3, Rel: 4e-3, Why: "a folded weight is off by up to 2^-8 of itself in all pixels"}
	}
	return kernels.Tol{Abs: 5e-3, Rel: 1e-3, Why: "means and squares of outputs that may be rounded the other way"}
}

// folded is tolerance for sums of so many products with folded weights (conv2d_subpixel.cu), which are rounded to bf16: each has on
// average the variance of `weights` added ones and is off by 2^-9.3 of itself.
func folded(d kernels.DType, products, weights float64) kernels.Tol {
	if d != kernels.BF16 {
		return tolerance(d)
	}
	abs := 5 * math.Sqrt(products*weights) * math.Exp2(-9.3)
	return kernels.Tol{Abs: abs, Rel: 1.0 / 128, Why: "one rounding to bf16 of sums of unit products, and of the folded weights: five standard deviations at 256 channels"}
}

// tolerance holds for sums of up to some 10^4 products of unit size: sqrt(10^4) * 2^-24 * a few, absolutely.
func tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 2e-2, Rel: 1.0 / 128, Why: "one rounding to bf16 of sums of unit products"}
	}
	return kernels.Tol{Abs: 2e-4, Rel: 1e-5, Why: "float32 sums of up to 10^4 unit products in another order"}
}

// Grad implements kernels.Operator. Where OutF32 is set and x is bf16, dy is rounded to bf16 first: the tensor cores take no other.
func (op Conv2D) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	x, w, dy := n.In[inX], n.In[inW], dout[0]
	d := make([]kernels.Value, len(n.In))
	if len(need) > inResidual && need[inResidual] {
		d[inResidual] = dy
	}
	if dy.Spec.DType != x.Spec.DType {
		dy = kernels.Emit1(b, elementwise.Cast{To: x.Spec.DType}, dy)
	}
	if need[inX] {
		d[inX] = kernels.Emit1(b, Conv2DDgrad{Geometry: op.Geometry, H: x.Spec.H, W: x.Spec.W}, dy, w)
	}
	bias := len(need) > inBias && need[inBias]
	if need[inW] {
		dw := b.Emit(Conv2DWgrad{Geometry: op.Geometry, Bias: bias}, x, dy)
		d[inW] = dw[0]
		if bias {
			d[inBias] = dw[1]
		}
	} else if bias {
		d[inBias] = kernels.Emit1(b, elementwise.SumRows{}, dy)
	}
	if len(need) > inImageBias && need[inImageBias] {
		d[inImageBias] = kernels.Emit1(b, elementwise.SumRows{PerImage: true}, dy)
	}
	return d
}
