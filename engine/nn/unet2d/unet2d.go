package unet2d

import (
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/embed"
	"github.com/unnoise/unnoise/kernels/norm"
)

// network is diffusers' UNet2DModel: the U-Net of Ho et al. 2020 (appendix B) with the options of later
// work. Its parameters have diffusers' names. Initial values are those of Ho et al. (nn.py):
// Xavier-uniform, the last layer of each residual branch and of the network scaled by 1e-10.
type network struct{ cfg *Config }

func init() {
	nn.Register(nn.Class{Name: ClassName, Library: "diffusers", Doc: "U-Net for images"},
		ParseConfig, func(c *Config) nn.Network { return &network{c} })
}

func (u *network) Config() nn.Config { return u.cfg }

// Signature implements nn.Network.
func (u *network) Signature() nn.Signature {
	s := nn.Signature{H: u.cfg.SampleSize.H, W: u.cfg.SampleSize.W, CheckSize: u.cfg.CheckSize}
	if u.cfg.TimeEmbeddingType == "fourier" {
		s.NoiseLevels = "time_embedding_type \"fourier\" takes the logarithm of t and divides by it"
	}
	if l := u.cfg.labels(); l.Kind != nn.NoCondition {
		s.Conditions = []nn.Condition{l}
	}
	return s
}

// labels returns the condition of the class embedding.
func (c *Config) labels() nn.Condition {
	switch {
	case c.ClassEmbedType != nil && *c.ClassEmbedType == "identity":
		return nn.Condition{Name: nn.LabelsInput, Kind: nn.VectorCondition, Dim: c.TimeEmbedDim()}
	case c.ClassEmbedType != nil && *c.ClassEmbedType == "timestep":
		return nn.Condition{Name: nn.LabelsInput, Kind: nn.ClassCondition}
	case c.NumClassEmbeds != nil:
		l := nn.Condition{Name: nn.LabelsInput, Kind: nn.ClassCondition, Classes: *c.NumClassEmbeds}
		if c.NullLabel != nil {
			l.Null = *c.NullLabel
		}
		return l
	}
	return nn.Condition{}
}

// builder carries what all blocks need.
type builder struct {
	*nn.Context
	cfg    *Config
	act    elementwise.Kind
	times  kernels.Value  // all time projections side by side
	places map[string]int // residual block -> its channels in times
}

// Forward implements nn.Network.
func (u *network) Forward(c *nn.Context, in nn.Inputs) kernels.Value {
	cfg, x := u.cfg, in.X
	if err := cfg.CheckSize(x.Spec.H, x.Spec.W); err != nil {
		c.G.Fail(err)
	}
	b := &builder{Context: c, cfg: cfg, act: nn.ActivationKind(cfg.ActFn), places: map[string]int{}}
	b.embed(in.T, in.Conditions[nn.LabelsInput])
	if cfg.CenterInputSample {
		ones := kernels.Emit1(c.G, elementwise.Fill{Value: 1, N: x.Spec.N, H: x.Spec.H, W: x.Spec.W, C: x.Spec.C})
		x = kernels.Emit1(c.G, elementwise.Add{Alpha: 2, Beta: -1}, x, ones)
	}
	h := b.Conv("conv_in", x, cfg.BlockOutChannels[0], conv.Same(3), nn.ConvOptions{NormGroups: cfg.NormNumGroups})
	skips := []kernels.Value{h}
	for i := range cfg.DownBlockTypes {
		h, skips = b.down(i, h, skips)
	}
	if cfg.MidBlockType != nil {
		h = b.mid(h)
	}
	for i := range cfg.UpBlockTypes {
		h, skips = b.up(i, h, skips)
	}
	last := norm.GroupNorm{Groups: cfg.NormNumGroups, Eps: cfg.NormEps, Activation: elementwise.SiLU}
	h = b.Norm("conv_norm_out", h, kernels.Value{}, last)
	y := b.Conv("conv_out", h, cfg.OutChannels, conv.Same(3), nn.ConvOptions{InitScale: nn.NearZero, Output: true})
	if cfg.TimeEmbeddingType == "fourier" {
		y = kernels.Emit1(c.G, elementwise.DivideTime{}, y, b.Float(in.T))
	}
	return y
}

// embed emits the time (and class) embedding and all blocks' projections of it as one product.
func (b *builder) embed(t, labels kernels.Value) {
	cfg, dim := b.cfg, b.cfg.TimeEmbedDim()
	features := func(t kernels.Value) kernels.Value {
		if cfg.TimeEmbeddingType == "fourier" {
			w := b.Constant("time_proj.weight", cfg.BlockOutChannels[0], nn.Init{Kind: nn.Gauss, Scale: 16})
			return kernels.Emit1(b.G, embed.Fourier{FlipSinToCos: false, Log: true}, b.Float(t), w)
		}
		return kernels.Emit1(b.G, embed.Sinusoidal{Dim: cfg.TimeProjDim(), FlipSinToCos: cfg.FlipSinToCos,
			FreqShift: float64(cfg.FreqShift), MaxPeriod: 10000}, t)
	}
	mlp := func(name string, x, residual kernels.Value) kernels.Value {
		h := b.Linear(x, kernels.Value{}, nn.LinearLayer{Name: name + ".linear_1", Out: dim})
		h = kernels.Emit1(b.G, elementwise.Activation{Kind: elementwise.SiLU}, h)
		return b.Linear(h, residual, nn.LinearLayer{Name: name + ".linear_2", Out: dim})
	}
	e := mlp("time_embedding", features(t), kernels.Value{})
	switch l := cfg.labels(); {
	case l.Kind == nn.NoCondition:
	case !labels.Ok():
		b.G.Fail(errors.New("the network is conditioned on labels: none are given"))
	case l.Kind == nn.VectorCondition:
		e = kernels.Emit1(b.G, elementwise.Add{Alpha: 1, Beta: 1}, e, b.Activation(labels))
	case l.Classes > 0:
		class := b.Embedding("class_embedding.weight", labels, l.Classes, dim)
		e = kernels.Emit1(b.G, elementwise.Add{Alpha: 1, Beta: 1}, e, class)
	default:
		e = mlp("class_embedding", features(labels), e)
	}
	e = kernels.Emit1(b.G, elementwise.Activation{Kind: b.act}, e)
	var layers []nn.LinearLayer
	at := 0
	for _, r := range cfg.residualBlocks() {
		out := r.out
		if cfg.ResnetTimeScaleShift == "scale_shift" {
			out *= 2
		}
		layers = append(layers, nn.LinearLayer{Name: r.name + ".time_emb_proj", Out: out})
		b.places[r.name] = at
		at += out
	}
	b.times = b.Linear(e, kernels.Value{}, layers...)
}

// residualBlock is the name and output channels of a block that is told the time.
type residualBlock struct {
	name string
	out  int
}

// resnetDownsampler reports whether down block i halves the size by a residual block, which is told the time.
func (c *Config) resnetDownsampler(i int) bool {
	kind := c.DownBlockTypes[i]
	return kind == "ResnetDownsampleBlock2D" || kind == "AttnDownBlock2D" && c.DownsampleType == "resnet"
}

// resnetUpsampler reports whether up block i doubles the size by a residual block.
func (c *Config) resnetUpsampler(i int) bool {
	kind := c.UpBlockTypes[i]
	return kind == "ResnetUpsampleBlock2D" || kind == "AttnUpBlock2D" && c.UpsampleType == "resnet"
}

// midBlocks returns the number of residual blocks in the middle.
func (c *Config) midBlocks() int {
	if c.MidBlockType == nil {
		return 0
	}
	return 2
}

// residualBlocks lists them in the order in which they run.
func (c *Config) residualBlocks() []residualBlock {
	var list []residualBlock
	levels := len(c.BlockOutChannels)
	for i := range c.DownBlockTypes {
		for j := range c.LayersPerBlock {
			list = append(list, residualBlock{fmt.Sprintf("down_blocks.%d.resnets.%d", i, j), c.BlockOutChannels[i]})
		}
		if c.resnetDownsampler(i) && i < levels-1 {
			list = append(list, residualBlock{fmt.Sprintf("down_blocks.%d.downsamplers.0", i), c.BlockOutChannels[i]})
		}
	}
	for j := range c.midBlocks() {
		list = append(list, residualBlock{fmt.Sprintf("mid_block.resnets.%d", j), c.BlockOutChannels[levels-1]})
	}
	for i := range c.UpBlockTypes {
		out := c.BlockOutChannels[levels-1-i]
		for j := range c.LayersPerBlock + 1 {
			list = append(list, residualBlock{fmt.Sprintf("up_blocks.%d.resnets.%d", i, j), out})
		}
		if c.resnetUpsampler(i) && i < levels-1 {
			list = append(list, residualBlock{fmt.Sprintf("up_blocks.%d.upsamplers.0", i), out})
		}
	}
	return list
}
