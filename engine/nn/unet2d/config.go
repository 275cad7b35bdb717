// Package unet2d is the network class UNet2DModel of diffusers: the U-Net of Ho et al. 2020 (appendix
// B) with the options of later work.
package unet2d

import (
	"errors"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/nn/config"
)

// ClassName is the "_class_name" of the network.
const ClassName = "UNet2DModel"

// Config is the configuration of diffusers' class UNet2DModel. Field
// comments give the JSON key where it is not the field's name in snake case.
type Config struct {
	SampleSize           SampleSize // height and width of the samples; zero if unknown
	InChannels           int
	OutChannels          int
	CenterInputSample    bool   // the network first maps x to 2x - 1
	TimeEmbeddingType    string // "positional" or "fourier"
	TimeEmbeddingDim     *int   // nil: 4 * BlockOutChannels[0]
	FreqShift            int
	FlipSinToCos         bool // the embedding is [cos, sin] instead of [sin, cos]
	DownBlockTypes       []string
	MidBlockType         *string // "UNetMidBlock2D"; nil: no middle block
	UpBlockTypes         []string
	BlockOutChannels     []int
	LayersPerBlock       int
	MidBlockScaleFactor  float64 // the middle residual blocks' sum is divided by it
	DownsamplePadding    int     // 0: pad right and bottom by one; 1: pad all sides by one
	DownsampleType       string  // "conv" or "resnet": the downsampler of blocks with attention
	UpsampleType         string  // "conv" or "resnet": the upsampler of blocks with attention
	Dropout              float64
	ActFn                string // "silu" (also spelt "swish") or "gelu"
	AttentionHeadDim     *int   // channels of one head; nil: one head
	NormNumGroups        int
	AttnNormNumGroups    *int // see MidAttentionGroups
	NormEps              float64
	ResnetTimeScaleShift string // "default" or "scale_shift"
	AddAttention         bool   // the middle block has attention
	ClassEmbedType       *string
	NumClassEmbeds       *int
	NumTrainTimesteps    *int // read and kept; it has no effect with the supported embeddings
	// NullLabel is "_null_label", which diffusers passes over: the class that stands for no label, the last one; nil: none.
	NullLabel *int

	document *pyjson.Object
}

// defaultConfig holds the values diffusers gives to absent keys.
const defaultConfig = `{
  "_class_name": "UNet2DModel", "_diffusers_version": "0.30.0", "_null_label": null, "act_fn": "silu",
  "add_attention": true, "attention_head_dim": 8, "attn_norm_num_groups": null,
  "block_out_channels": [224, 448, 672, 896], "center_input_sample": false, "class_embed_type": null,
  "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  "downsample_padding": 1, "downsample_type": "conv", "dropout": 0.0, "flip_sin_to_cos": true,
  "freq_shift": 0, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1,
  "mid_block_type": "UNetMidBlock2D", "norm_eps": 1e-05, "norm_num_groups": 32, "num_class_embeds": null,
  "num_train_timesteps": null, "out_channels": 3, "resnet_time_scale_shift": "default",
  "sample_size": null, "time_embedding_dim": null, "time_embedding_type": "positional",
  "up_block_types": ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  "upsample_type": "conv"
}`

// The block types that can stand in DownBlockTypes and UpBlockTypes.
var (
	downBlockTypes = []string{"DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"}
	upBlockTypes   = []string{"UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"}
)

func (c *Config) fields() []pyjson.Field {
	return []pyjson.Field{
		{Key: "sample_size", Ptr: &c.SampleSize}, {Key: "in_channels", Ptr: &c.InChannels},
		{Key: "out_channels", Ptr: &c.OutChannels},
		{Key: "center_input_sample", Ptr: &c.CenterInputSample},
		{Key: "time_embedding_type", Ptr: &c.TimeEmbeddingType},
		{Key: "time_embedding_dim", Ptr: &c.TimeEmbeddingDim}, {Key: "freq_shift", Ptr: &c.FreqShift},
		{Key: "flip_sin_to_cos", Ptr: &c.FlipSinToCos},
		{Key: "down_block_types", Ptr: &c.DownBlockTypes},
		{Key: "mid_block_type", Ptr: &c.MidBlockType}, {Key: "up_block_types", Ptr: &c.UpBlockTypes},
		{Key: "block_out_channels", Ptr: &c.BlockOutChannels},
		{Key: "layers_per_block", Ptr: &c.LayersPerBlock},
		{Key: "mid_block_scale_factor", Ptr: &c.MidBlockScaleFactor},
		{Key: "downsample_padding", Ptr: &c.DownsamplePadding},
		{Key: "downsample_type", Ptr: &c.DownsampleType},
		{Key: "upsample_type", Ptr: &c.UpsampleType}, {Key: "dropout", Ptr: &c.Dropout},
		{Key: "act_fn", Ptr: &c.ActFn}, {Key: "attention_head_dim", Ptr: &c.AttentionHeadDim},
		{Key: "norm_num_groups", Ptr: &c.NormNumGroups},
		{Key: "attn_norm_num_groups", Ptr: &c.AttnNormNumGroups}, {Key: "norm_eps", Ptr: &c.NormEps},
		{Key: "resnet_time_scale_shift", Ptr: &c.ResnetTimeScaleShift},
		{Key: "add_attention", Ptr: &c.AddAttention},
		{Key: "class_embed_type", Ptr: &c.ClassEmbedType},
		{Key: "num_class_embeds", Ptr: &c.NumClassEmbeds},
		{Key: "num_train_timesteps", Ptr: &c.NumTrainTimesteps},
		{Key: "_null_label", Ptr: &c.NullLabel},
	}
}

// DefaultConfig returns the configuration of UNet2DModel called without
// arguments. Its JSON holds every key.
func DefaultConfig() *Config {
	c := &Config{document: config.MustObject(defaultConfig)}
	if err := pyjson.Decode(c.document, c.fields()); err != nil {
		panic(err) // a constant of this package: every test would fail
	}
	return c
}

// ParseConfig reads config.json of a UNet2DModel. Absent keys get
// diffusers' defaults. The error names the first key that is unknown or whose
// value is not supported.
func ParseConfig(data []byte) (*Config, error) {
	c := &Config{}
	var err error
	if c.document, err = config.Parse(data, ClassName, c.fields(), config.MustObject(defaultConfig)); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// JSON implements nn.Config.
func (c *Config) JSON() []byte {
	return config.Text(c.document, c.fields(), config.MustObject(defaultConfig))
}

// ClassName implements nn.Config.
func (c *Config) ClassName() string { return ClassName }

// Channels implements nn.Config.
func (c *Config) Channels() (in, out int) { return c.InChannels, c.OutChannels }

// TimeEmbedDim returns the width of the time embedding after its two linear
// layers.
func (c *Config) TimeEmbedDim() int {
	if c.TimeEmbeddingDim != nil {
		return *c.TimeEmbeddingDim
	}
	return 4 * c.BlockOutChannels[0]
}

// TimeProjDim returns the width of the sinusoidal or Fourier features that
// enter the first linear layer.
func (c *Config) TimeProjDim() int {
	if c.TimeEmbeddingType == "fourier" {
		return 2 * c.BlockOutChannels[0]
	}
	return c.BlockOutChannels[0]
}

// HeadDim returns the channels of one attention head in a block of the given
// width.
func (c *Config) HeadDim(channels int) int {
	if c.AttentionHeadDim != nil {
		return *c.AttentionHeadDim
	}
	return channels
}

// MidAttentionGroups returns the group count of the norm before the middle
// block's attention, 0 if there is none: without attn_norm_num_groups, diffusers
// leaves that norm out when resnet_time_scale_shift is "scale_shift".
func (c *Config) MidAttentionGroups() int {
	switch {
	case c.AttnNormNumGroups != nil:
		return *c.AttnNormNumGroups
	case c.ResnetTimeScaleShift == "default":
		return c.NormNumGroups
	}
	return 0
}

// SampleSize is the height and width of a sample in pixels. In JSON it is an
// integer for squares, [height, width], or null for the zero value.
type SampleSize struct{ H, W int }

// FromJSON implements pyjson.Custom.
func (s *SampleSize) FromJSON(v any) error {
	want := errors.New("want a positive integer, [height, width] or null")
	*s = SampleSize{}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		if len(v) != 2 {
			return want
		}
		h, errH := pyjson.Int(v[0])
		w, errW := pyjson.Int(v[1])
		if errH != nil || errW != nil || h < 1 || w < 1 {
			return want
		}
		*s = SampleSize{H: h, W: w}
		return nil
	}
	n, err := pyjson.Int(v)
	if err != nil || n < 1 {
		return want
	}
	*s = SampleSize{H: n, W: n}
	return nil
}

// ToJSON implements pyjson.Custom.
func (s *SampleSize) ToJSON() any {
	switch {
	case *s == SampleSize{}:
		return nil
	case s.H == s.W:
		return s.H
	}
	return []any{s.H, s.W}
}
