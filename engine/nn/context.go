package nn

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
	"github.com/unnoise/unnoise/kernels/linear"
	"github.com/unnoise/unnoise/kernels/norm"
	"github.com/unnoise/unnoise/kernels/rng"
)

// Context is what layers build with: the graph, the parameters, and whether dropout is on.
type Context struct {
	G       *graph.Graph
	Train   bool // dropout is active
	set     *ParamSet
	declare bool // first pass: parameters are being collected
	arena   kernels.Value
	half    kernels.Value // the weights rounded to bf16; absent in float32 mode
	streams map[uint32]string
	used    map[*region]kernels.Value
	Stats   ChannelStats // of values that norms read
}

// WeightsBuffer is the persistent buffer of the weights that programs read; EMABuffer holds their moving average.
const (
	WeightsBuffer = "weights"
	EMABuffer     = "ema"
)

// RoundedBuffer is the persistent bf16 copy of a buffer of weights, which matrix products read in bf16 mode.
func RoundedBuffer(buffer string) string { return buffer + "_bf16" }

// NewContext returns a context that reads the parameters from a persistent buffer of the set's size.
func NewContext(g *graph.Graph, set *ParamSet, buffer string, train bool) *Context {
	c := &Context{G: g, Train: train, set: set, streams: map[uint32]string{}, used: map[*region]kernels.Value{}}
	c.arena = g.Persistent(buffer, kernels.Vector(kernels.F32, set.Size()))
	return c
}

// NewBF16Context is NewContext in bf16 mode: matrices are read from the buffer's rounded copy, activations are bf16; biases, norms,
// x, the time features and the network's output stay float32.
func NewBF16Context(g *graph.Graph, set *ParamSet, buffer string, train bool) *Context {
	c := NewContext(g, set, buffer, train)
	c.half = g.Persistent(RoundedBuffer(buffer), kernels.Vector(kernels.BF16, set.Size()))
	c.Stats = ChannelStats{}
	return c
}

// Activation returns a value in the type of activations.
func (c *Context) Activation(v kernels.Value) kernels.Value {
	if c.half.Ok() && v.Ok() && v.Spec.DType == kernels.F32 {
		return kernels.Emit1(c.G, elementwise.Cast{To: kernels.BF16}, v)
	}
	return v
}

// Declare builds a network once in a graph of its own to learn its parameters.
func Declare(n Network, x, labels kernels.Spec) (*ParamSet, error) {
	c := &Context{G: graph.New(), declare: true, set: newParamSet(), streams: map[uint32]string{}, used: map[*region]kernels.Value{}}
	in := c.G.Input("x", x)
	t := c.G.Input("t", kernels.Dense(kernels.I32, x.N, 1, 1, 1))
	var l kernels.Value
	if n.Labels().Kind != NoLabels {
		l = c.G.Input("labels", labels)
	}
	n.Forward(c, in, t, l)
	if err := c.G.Err(); err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Config().ClassName(), err)
	}
	c.set.layout()
	return c.set, nil
}

// Trainable returns the trainable regions that the graph uses, as values of the weights, with each one's place in the arena.
func (c *Context) Trainable() (values []kernels.Value, offsets []int) {
	for _, r := range c.set.regions {
		if v, ok := c.used[r]; ok && r.params[0].Trainable {
			values = append(values, v)
			offsets = append(offsets, r.offset)
		}
	}
	return values, offsets
}

// Stream returns the Philox stream of a path and refuses two paths with one number.
func (c *Context) Stream(path string) uint32 {
	id := rng.StreamID(path)
	if other, ok := c.streams[id]; ok && other != path {
		c.G.Fail(fmt.Errorf("random streams %q and %q have the same number %#x: rename one", path, other, id))
	}
	c.streams[id] = path
	return id
}

// param returns the region of the given parameters, declaring it in the first pass.
func (c *Context) param(spec kernels.Spec, decay bool, params ...*Parameter) kernels.Value {
	if c.G.Err() != nil {
		return kernels.Value{}
	}
	if c.declare {
		if r := c.set.byName[params[0].Name]; r != nil && r.spec == spec && !params[0].Trainable { // a constant may be read twice
			return c.G.Persistent("param/"+params[0].Name, spec)
		}
		r := &region{spec: spec, decay: decay, params: params}
		if err := c.set.add(r); err != nil {
			c.G.Fail(err)
			return kernels.Value{}
		}
		return c.G.Persistent("param/"+params[0].Name, spec)
	}
	r := c.set.byName[params[0].Name]
	if r == nil {
		c.G.Fail(fmt.Errorf("parameter %q is unknown", params[0].Name))
		return kernels.Value{}
	}
	if v, ok := c.used[r]; ok {
		return v
	}
	from, s := c.arena, r.spec
	if c.half.Ok() && len(params[0].Shape) > 1 {
		from, s.DType = c.half, kernels.BF16
	}
	v := c.G.View(from, params[0].Name, r.offset, s, params[0].Trainable)
	c.used[r] = v
	return v
}

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

// Embedding is a table of classes vectors of dim elements, parameter name [classes,dim], and the rows of it that labels I32 (N,1,1,1) name.
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
	ImageBias, Residual kernels.Value // added to the output: a bias of each image (N,1,1,co), a tensor of the output's shape
	InitScale           float64       // of the initial weights' variance; 0 means 1
	Output              bool          // the network's output: float32 in bf16 mode, too
	NormGroups          int           // of the norm that reads the output; 0: none does
}

// Conv is a convolution layer with bias: parameters name.weight [co,ci,KH,KW] and name.bias [co].
func (c *Context) Conv(name string, x kernels.Value, co int, g conv.Geometry, o ConvOptions) kernels.Value {
	ci, k := x.Spec.C, g.KH*g.KW
	w := kernels.Dense(kernels.F32, co, g.KH, g.KW, ci)
	weight := c.param(w, true, &Parameter{Name: name + ".weight", Shape: []int{co, ci, g.KH, g.KW}, Trainable: true, Decay: true, Spec: w,
		Init: XavierUniform(scaleOf(o.InitScale), ci*k, co*k)})
	bias := c.vector(name+".bias", co, Init{})
	op := conv.Conv2D{Geometry: g, OutF32: o.Output && c.half.Ok(), ChannelStats: c.Stats.pay(x.Spec, co, g, o.NormGroups)}
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
		bs = append(bs, &Parameter{Name: l.Name + ".bias", Shape: []int{l.Out}, Trainable: true, Spec: kernels.Vector(kernels.F32, l.Out)})
		total += l.Out
	}
	weight := c.param(kernels.Dense(kernels.F32, total, 1, 1, in), true, ws...)
	bias := c.param(kernels.Vector(kernels.F32, total), false, bs...)
	op := linear.Linear{OutF32: layers[0].Output && c.half.Ok()}
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
