package unet2d

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/attention"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/norm"
)

// resampling says what a residual block does to the size.
type resampling uint8

const (
	keep resampling = iota
	halve
	double
)

// resnet is diffusers' ResnetBlock2D: x + conv2(dropout(act(norm2(conv1(act(norm1(x))) + time)))),
// divided by scale; with scale_shift the time projection scales and shifts norm2's output instead. A
// 1x1 convolution adapts x where the channels change. groups is that of the norm that reads the sum, 0
// where none does.
func (b *builder) resnet(name string, x kernels.Value, out int, size resampling, scale float64,
	groups int) kernels.Value {
	cfg := b.cfg
	n1 := norm.GroupNorm{Groups: cfg.NormNumGroups, Eps: cfg.NormEps, Activation: b.act}
	h := b.Norm(name+".norm1", x, kernels.Value{}, n1)
	g := conv.Same(3)
	switch size {
	case halve:
		h = kernels.Emit1(b.G, elementwise.Resample{Kind: elementwise.AvgPool2}, h)
		x = kernels.Emit1(b.G, elementwise.Resample{Kind: elementwise.AvgPool2}, x)
	case double:
		g.Upsample2x = true
		x = kernels.Emit1(b.G, elementwise.Resample{Kind: elementwise.Nearest2}, x)
	}
	var bias, scaleShift kernels.Value
	if cfg.ResnetTimeScaleShift == "scale_shift" {
		scaleShift = b.G.Slice(b.times, b.places[name], 2*out)
	} else {
		bias = b.G.Slice(b.times, b.places[name], out)
	}
	h = b.Conv(name+".conv1", h, out, g, nn.ConvOptions{ImageBias: bias, NormGroups: cfg.NormNumGroups})
	n2 := n1
	if b.Train && cfg.Dropout > 0 {
		n2.Dropout, n2.Stream = cfg.Dropout, b.Stream("dropout/"+name)
	}
	h = b.Norm(name+".norm2", h, scaleShift, n2)
	if x.Spec.C != out {
		x = b.Conv(name+".conv_shortcut", x, out, conv.Same(1), nn.ConvOptions{})
	}
	last := nn.ConvOptions{Residual: x, InitScale: nn.NearZero, NormGroups: groups}
	h = b.Conv(name+".conv2", h, out, conv.Same(3), last)
	return b.divide(h, scale)
}

func (b *builder) divide(x kernels.Value, scale float64) kernels.Value {
	if scale == 1 {
		return x
	}
	return kernels.Emit1(b.G, elementwise.Scale{Factor: 1 / scale}, x)
}

// attention is self-attention over all pixels with a residual connection; groups 0 leaves the norm out.
func (b *builder) attention(name string, x kernels.Value, groups int, scale float64) kernels.Value {
	h, c := x, x.Spec.C
	if groups > 0 {
		h = b.Norm(name+".group_norm", x, kernels.Value{}, norm.GroupNorm{Groups: groups, Eps: b.cfg.NormEps})
	}
	qkv := b.Linear(h, kernels.Value{}, nn.LinearLayer{Name: name + ".to_q", Out: c},
		nn.LinearLayer{Name: name + ".to_k", Out: c}, nn.LinearLayer{Name: name + ".to_v", Out: c})
	d := b.cfg.HeadDim(c)
	op := attention.Attention{Heads: c / d, Scale: 1 / math.Sqrt(float64(d))}
	o := kernels.Emit1(b.G, op, b.G.Slice(qkv, 0, c), b.G.Slice(qkv, c, c), b.G.Slice(qkv, 2*c, c))
	return b.divide(b.Linear(o, x, nn.LinearLayer{Name: name + ".to_out.0", Out: c, InitScale: nn.NearZero}), scale)
}

// down emits down block i and pushes its skips.
func (b *builder) down(i int, h kernels.Value, skips []kernels.Value) (kernels.Value, []kernels.Value) {
	cfg, kind, out := b.cfg, b.cfg.DownBlockTypes[i], b.cfg.BlockOutChannels[i]
	for j := range cfg.LayersPerBlock {
		h = b.resnet(fmt.Sprintf("down_blocks.%d.resnets.%d", i, j), h, out, keep, 1, cfg.NormNumGroups)
		if kind == "AttnDownBlock2D" {
			h = b.attention(fmt.Sprintf("down_blocks.%d.attentions.%d", i, j), h, cfg.NormNumGroups, 1)
		}
		skips = append(skips, h)
	}
	if i == len(cfg.DownBlockTypes)-1 {
		return h, skips
	}
	name := fmt.Sprintf("down_blocks.%d.downsamplers.0", i)
	if cfg.resnetDownsampler(i) {
		h = b.resnet(name, h, out, halve, 1, cfg.NormNumGroups)
	} else {
		p := cfg.DownsamplePadding
		g := conv.Geometry{KH: 3, KW: 3, Stride: 2, PadTop: p, PadLeft: p, PadBottom: max(p, 1), PadRight: max(p, 1)}
		h = b.Conv(name+".conv", h, out, g, nn.ConvOptions{NormGroups: cfg.NormNumGroups})
	}
	return h, append(skips, h)
}

func (b *builder) mid(h kernels.Value) kernels.Value {
	cfg, c := b.cfg, h.Spec.C
	groups := cfg.NormNumGroups
	if cfg.MidBlockScaleFactor != 1 {
		groups = 0 // norms read the quotients
	}
	h = b.resnet("mid_block.resnets.0", h, c, keep, cfg.MidBlockScaleFactor, groups)
	if cfg.AddAttention {
		h = b.attention("mid_block.attentions.0", h, cfg.MidAttentionGroups(), cfg.MidBlockScaleFactor)
	}
	return b.resnet("mid_block.resnets.1", h, c, keep, cfg.MidBlockScaleFactor, groups)
}

// up emits up block i, which pops one skip for each of its residual blocks.
func (b *builder) up(i int, h kernels.Value, skips []kernels.Value) (kernels.Value, []kernels.Value) {
	cfg, kind := b.cfg, b.cfg.UpBlockTypes[i]
	out := cfg.BlockOutChannels[len(cfg.BlockOutChannels)-1-i]
	for j := range cfg.LayersPerBlock + 1 {
		skip := skips[len(skips)-1]
		skips = skips[:len(skips)-1]
		groups := cfg.NormNumGroups
		if kind == "UpBlock2D" && j == cfg.LayersPerBlock && i < len(cfg.UpBlockTypes)-1 {
			groups = 0 // the upsampling convolution reads it
		}
		h = b.resnet(fmt.Sprintf("up_blocks.%d.resnets.%d", i, j), b.Concat(h, skip), out, keep, 1, groups)
		if kind == "AttnUpBlock2D" {
			h = b.attention(fmt.Sprintf("up_blocks.%d.attentions.%d", i, j), h, cfg.NormNumGroups, 1)
		}
	}
	if i == len(cfg.UpBlockTypes)-1 {
		return h, skips
	}
	name := fmt.Sprintf("up_blocks.%d.upsamplers.0", i)
	if cfg.resnetUpsampler(i) {
		return b.resnet(name, h, out, double, 1, cfg.NormNumGroups), skips
	}
	g := conv.Same(3)
	g.Upsample2x = true
	return b.Conv(name+".conv", h, out, g, nn.ConvOptions{NormGroups: cfg.NormNumGroups}), skips
}
