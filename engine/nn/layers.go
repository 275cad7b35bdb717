package nn

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
	"github.com/unnoise/unnoise/kernels/linear"
	"github.com/unnoise/unnoise/kernels/norm"
)

// vector declares a bias or norm parameter of c elements.
func (c *Context) vector(name string, n int, init Init) kernels.Value {
	s := kernels.Vector(kernels.F32, n)
	return c.param(s, false, &Parameter{Name: name, Shape: []int{n}, Trainable: true, Spec: s, Init: init})
}

// Constant declares an untrained vector that checkpoints hold.
func (c *Context) Constant(name string, n int, init Init) kernels.Value {
	s := kernels.Vector(kernels.F32, n)
	return c.param(s, false, &Parameter{Name: name, Shape: []int{n}, Spec: s, Init: init})
}

// Embedding is a table of classes vectors of dim elements, parameter name [classes,dim], and the rows
// of it that labels I32 (N,1,1,1) name.
func (c *Context) Embedding(name string, labels kernels.Value, classes, dim int) kernels.Value {
	s := kernels.Dense(kernels.F32, classes, 1, 1, dim)
	table := c.param(s, true, &Parameter{Name: name, Shape: []int{classes, dim}, Trainable: true, Decay: true, Spec: s,
		Init: Init{Kind: Gauss, Scale: 1}})
	return kernels.Emit1(c.G, embed.Lookup{}, labels, table)
}

// NearZero is the variance scale of initial weights of layers that start at (almost) zero, as in Ho et al.'s nn.py.
const NearZero = 1e-10

// ConvOptions are the optional parts of a convolution layer.
type ConvOptions struct {
	ImageBias  kernels.Value // added to the output: a bias of each image (N,1,1,co)
	Residual   kernels.Value // added to the output: a tensor of its shape
	InitScale  float64       // of the initial weights' variance; 0 means 1
	Output     bool          // the network's output: float32 in bf16 mode, too
	NormGroups int           // of the norm that reads the output; 0: none does
}

// Conv is a convolution layer with bias: parameters name.weight [co,ci,KH,KW] and name.bias [co].
func (c *Context) Conv(name string, x kernels.Value, co int, g conv.Geometry, o ConvOptions) kernels.Value {
	ci, k := x.Spec.C, g.KH*g.KW
	w := kernels.Dense(kernels.F32, co, g.KH, g.KW, ci)
	weight := c.param(w, true, &Parameter{Name: name + ".weight", Shape: []int{co, ci, g.KH, g.KW},
		Trainable: true, Decay: true, Spec: w, Init: XavierUniform(scaleOf(o.InitScale), ci*k, co*k)})
	bias := c.vector(name+".bias", co, Init{})
	op := conv.Conv2D{Geometry: g, OutF32: o.Output && c.Precision == BF16,
		ChannelStats: c.Stats.pay(x.Spec, co, g, o.NormGroups)}
	out := c.G.Emit(op, c.Activation(x), weight, bias, o.ImageBias, o.Residual)
	if op.ChannelStats && len(out) > 1 {
		c.Stats[out[0].ID] = out[1]
	}
	return out[0]
}

func scaleOf(s float64) float64 {
	if s == 0 {
		return 1
	}
	return s
}

// LinearLayer is one of the layers that share a packed matrix.
type LinearLayer struct {
	Name      string
	Out       int     // features
	InitScale float64 // of the initial weights' variance; 0 means 1
	Output    bool    // the network's output: float32 in bf16 mode, too
}

// Linear is one or more dense layers on the same input, packed into one product: parameters name.weight [out,in] and
// name.bias [out] of each. The outputs lie side by side in the channels.
func (c *Context) Linear(x, residual kernels.Value, layers ...LinearLayer) kernels.Value {
	in, total := x.Spec.C, 0
	var ws, bs []*Parameter
	for _, l := range layers {
		ws = append(ws, &Parameter{Name: l.Name + ".weight", Shape: []int{l.Out, in}, Trainable: true, Decay: true,
			Spec: kernels.Dense(kernels.F32, l.Out, 1, 1, in), Init: XavierUniform(scaleOf(l.InitScale), in, l.Out)})
		bs = append(bs, &Parameter{Name: l.Name + ".bias", Shape: []int{l.Out}, Trainable: true,
			Spec: kernels.Vector(kernels.F32, l.Out)})
		total += l.Out
	}
	weight := c.param(kernels.Dense(kernels.F32, total, 1, 1, in), true, ws...)
	bias := c.param(kernels.Vector(kernels.F32, total), false, bs...)
	op := linear.Linear{OutF32: layers[0].Output && c.Precision == BF16}
	return kernels.Emit1(c.G, op, c.Activation(x), weight, bias, residual)
}

// Norm is a group norm layer with the operations that follow it.
func (c *Context) Norm(name string, x, scaleShift kernels.Value, op norm.GroupNorm) kernels.Value {
	gamma := c.vector(name+".weight", x.Spec.C, Init{Kind: One})
	beta := c.vector(name+".bias", x.Spec.C, Init{})
	return kernels.Emit1(c.G, op, x, gamma, beta, scaleShift, c.Stats[x.ID])
}

// ActivationKind translates an act_fn: "silu", also spelt "swish", or "gelu".
func ActivationKind(name string) elementwise.Kind {
	if name == "gelu" {
		return elementwise.GELU
	}
	return elementwise.SiLU
}
