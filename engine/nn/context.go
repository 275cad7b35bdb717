package nn

import (
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
)

// Context is what layers build with.
type Context struct {
	G         *graph.Graph
	Train     bool         // dropout is active
	Params    *Params      // where weights come from
	Precision Precision    // of activations and of the matrices that they are multiplied with
	Streams   Streams      // random streams of this graph
	Stats     ChannelStats // of values that norms read
}

// NewContext returns a context that reads the parameters from a persistent buffer of the set's size, in float32.
func NewContext(g *graph.Graph, set *ParamSet, buffer string, train bool) *Context {
	return &Context{G: g, Train: train, Params: readParams(g, set, buffer, F32), Precision: F32, Streams: Streams{}}
}

// NewBF16Context is NewContext in bf16 mode: matrices are read from the buffer's rounded copy,
// activations are bf16; biases, norms, x, the time features and the network's output stay float32.
func NewBF16Context(g *graph.Graph, set *ParamSet, buffer string, train bool) *Context {
	return &Context{G: g, Train: train, Params: readParams(g, set, buffer, BF16), Precision: BF16,
		Streams: Streams{}, Stats: ChannelStats{}}
}

// declareWith builds something once in a graph of its own to learn its parameters.
func declareWith(build func(c *Context)) (*ParamSet, error) {
	c := &Context{G: graph.New(), Params: collectParams(), Precision: F32, Streams: Streams{}}
	build(c)
	if err := c.G.Err(); err != nil {
		return nil, err
	}
	c.Params.set.layout()
	return c.Params.set, nil
}

// Trainable returns the trainable regions that the graph uses, as values of the weights, with each
// one's place in the arena.
func (c *Context) Trainable() (values []kernels.Value, offsets []int) { return c.Params.trainable() }

// Stream returns the Philox stream of a path and refuses two paths with one number.
func (c *Context) Stream(path string) uint32 {
	id, err := c.Streams.id(path)
	if err != nil {
		c.G.Fail(err)
	}
	return id
}

// Activation returns a value in the type of activations.
func (c *Context) Activation(v kernels.Value) kernels.Value { return c.Precision.round(c.G, v) }

// param returns the region of the given parameters, declaring it in the first pass.
func (c *Context) param(spec kernels.Spec, decay bool, params ...*Parameter) kernels.Value {
	if c.G.Err() != nil {
		return kernels.Value{}
	}
	v, err := c.Params.value(c.G, &region{spec: spec, decay: decay, params: params})
	if err != nil {
		c.G.Fail(err)
	}
	return v
}
