package mlp

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
)

// network is a residual perceptron for points: h = in(x); h += layer_i(act(h + time_i(e)));
// out(act(h)), with e the time embedding after two dense layers.
type network struct{ cfg *Config }

func init() {
	nn.Register(nn.Class{Name: ClassName, Doc: "perceptron for points"},
		ParseConfig, func(c *Config) nn.Network { return &network{c} })
}

func (m *network) Config() nn.Config { return m.cfg }

// Signature implements nn.Network.
func (m *network) Signature() nn.Signature { return nn.Signature{Layout: nn.Points, H: 1, W: 1} }

// Forward implements nn.Network.
func (m *network) Forward(c *nn.Context, in nn.Inputs) kernels.Value {
	act := elementwise.Activation{Kind: nn.ActivationKind(m.cfg.ActFn)}
	e := kernels.Emit1(c.G, embed.Sinusoidal{Dim: m.cfg.TimeEmbedDim, FreqShift: 1, MaxPeriod: 10000}, in.T)
	e = c.Linear(e, kernels.Value{}, nn.LinearLayer{Name: "time_embedding.linear_1", Out: m.cfg.Hidden})
	e = kernels.Emit1(c.G, act, e)
	e = c.Linear(e, kernels.Value{}, nn.LinearLayer{Name: "time_embedding.linear_2", Out: m.cfg.Hidden})
	e = kernels.Emit1(c.G, act, e)
	var projections []nn.LinearLayer
	for i := range m.cfg.Layers {
		name := fmt.Sprintf("layers.%d.time_proj", i)
		projections = append(projections, nn.LinearLayer{Name: name, Out: m.cfg.Hidden})
	}
	times := c.Linear(e, kernels.Value{}, projections...)
	h := c.Linear(in.X, kernels.Value{}, nn.LinearLayer{Name: "linear_in", Out: m.cfg.Hidden})
	for i := range m.cfg.Layers {
		u := kernels.Emit1(c.G, elementwise.Add{Alpha: 1, Beta: 1}, h, c.G.Slice(times, i*m.cfg.Hidden, m.cfg.Hidden))
		u = kernels.Emit1(c.G, act, u)
		h = c.Linear(u, h, nn.LinearLayer{Name: fmt.Sprintf("layers.%d.linear", i), Out: m.cfg.Hidden})
	}
	h = kernels.Emit1(c.G, act, h)
	last := nn.LinearLayer{Name: "linear_out", Out: m.cfg.OutChannels, InitScale: nn.NearZero, Output: true}
	return c.Linear(h, kernels.Value{}, last)
}
