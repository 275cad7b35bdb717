package nn

import (
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
)

// mlp is a residual perceptron for points: h = in(x); h += layer_i(act(h + time_i(e))); out(act(h)), with e the time embedding
// after two dense layers.
type mlp struct{ cfg *MLPConfig }

func (m *mlp) Config() Config      { return m.cfg }
func (m *mlp) Labels() Labels      { return Labels{} }
func (m *mlp) Size() (int, int)    { return 1, 1 }
func (m *mlp) DiscreteTime() error { return nil }

func (m *mlp) CheckSize(h, w int) error {
	if h != 1 || w != 1 {
		return fmt.Errorf("the network takes points, not images of %dx%d", h, w)
	}
	return nil
}

// Forward implements Network.
func (m *mlp) Forward(c *Context, x, t, labels kernels.Value) kernels.Value {
	if labels.Ok() {
		c.G.Fail(errors.New("UnnoiseMLP takes no labels"))
	}
	act := elementwise.Activation{Kind: activationKind(m.cfg.Activation())}
	e := kernels.Emit1(c.G, embed.Sinusoidal{Dim: m.cfg.TimeEmbedDim, FreqShift: 1, MaxPeriod: 10000}, t)
	e = c.Linear(e, kernels.Value{}, dense{name: "time_embedding.linear_1", out: m.cfg.Hidden})
	e = kernels.Emit1(c.G, act, e)
	e = c.Linear(e, kernels.Value{}, dense{name: "time_embedding.linear_2", out: m.cfg.Hidden})
	e = kernels.Emit1(c.G, act, e)
	var projections []dense
	for i := range m.cfg.Layers {
		projections = append(projections, dense{name: fmt.Sprintf("layers.%d.time_proj", i), out: m.cfg.Hidden})
	}
	times := c.Linear(e, kernels.Value{}, projections...)
	h := c.Linear(x, kernels.Value{}, dense{name: "linear_in", out: m.cfg.Hidden})
	for i := range m.cfg.Layers {
		u := kernels.Emit1(c.G, elementwise.Add{Alpha: 1, Beta: 1}, h, c.G.Slice(times, i*m.cfg.Hidden, m.cfg.Hidden))
		u = kernels.Emit1(c.G, act, u)
		h = c.Linear(u, h, dense{name: fmt.Sprintf("layers.%d.linear", i), out: m.cfg.Hidden})
	}
	h = kernels.Emit1(c.G, act, h)
	return c.Linear(h, kernels.Value{}, dense{name: "linear_out", out: m.cfg.OutChannels, scale: zeroScale, final: true})
}
