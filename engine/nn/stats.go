package nn

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/norm"
)

// ChannelStats holds the statistics of channels that convolutions take of their outputs for the norms
// that read them (conv.Conv2D.ChannelStats), by the output's value. In a nil one nothing is kept: norms
// take their statistics themselves.
type ChannelStats map[int]kernels.Value

// pay reports whether a convolution of x takes the statistics of its co output channels for a norm of
// that many groups (0: none reads it): in bf16 mode, which is that of devices, where they pay and cost
// no pass of their own.
func (s ChannelStats) pay(x kernels.Spec, co int, g conv.Geometry, groups int) bool {
	if s == nil || groups == 0 {
		return false
	}
	h, w := g.Size(x.H, x.W)
	return g.StatsInTiles(h, w) && norm.StatsPay(kernels.Dense(kernels.BF16, x.N, h, w, co), groups)
}

// Concat joins values along the channels, and their statistics where all have them.
func (c *Context) Concat(vs ...kernels.Value) kernels.Value {
	var stats []kernels.Value
	for _, v := range vs {
		if s, ok := c.Stats[v.ID]; ok {
			stats = append(stats, s)
		}
	}
	joined := c.G.Concat(vs...)
	if len(stats) == len(vs) && joined.Ok() {
		c.Stats[joined.ID] = c.G.Concat(stats...)
	}
	return joined
}
