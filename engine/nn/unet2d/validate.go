package unet2d

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/nn/config"
)

// Validate implements nn.Config.
func (c *Config) Validate() error {
	checks := []func() error{c.validateBlocks, c.validateChoices, c.validateTime, c.validateNorms, c.validateHeads,
		c.validateSize}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) validateChoices() error {
	errs := []error{
		config.InRange("in_channels", c.InChannels, 1, config.MaxChannels),
		config.InRange("out_channels", c.OutChannels, 1, config.MaxChannels),
		config.InRange("layers_per_block", c.LayersPerBlock, 1, 64),
		config.InRange("downsample_padding", c.DownsamplePadding, 0, 1),
		config.OneOf("time_embedding_type", c.TimeEmbeddingType, "positional", "fourier"),
		config.OneOf("downsample_type", c.DownsampleType, "conv", "resnet"),
		config.OneOf("upsample_type", c.UpsampleType, "conv", "resnet"),
		config.OneOf("act_fn", c.ActFn, "silu", "swish", "gelu"),
		config.OneOf("resnet_time_scale_shift", c.ResnetTimeScaleShift, "default", "scale_shift"),
	}
	if c.MidBlockType != nil {
		errs = append(errs, config.OneOf("mid_block_type", *c.MidBlockType, "UNetMidBlock2D"))
	}
	if c.ClassEmbedType != nil {
		errs = append(errs, config.OneOf("class_embed_type", *c.ClassEmbedType, "timestep", "identity"))
	}
	if c.NumClassEmbeds != nil {
		errs = append(errs, config.InRange("num_class_embeds", *c.NumClassEmbeds, 1, 1<<24))
	}
	if c.NullLabel != nil && (c.NumClassEmbeds == nil || c.ClassEmbedType != nil || *c.NullLabel < 1 ||
		*c.NullLabel != *c.NumClassEmbeds-1) {
		errs = append(errs, config.KeyError("_null_label", *c.NullLabel,
			"want the last class, \"num_class_embeds\" - 1, of a network of two classes or more"))
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		errs = append(errs, config.KeyError("dropout", c.Dropout, "want 0 <= dropout < 1"))
	}
	if !(c.NormEps > 0 && config.Finite(c.NormEps)) {
		errs = append(errs, config.KeyError("norm_eps", c.NormEps, "want a positive number"))
	}
	if !(c.MidBlockScaleFactor > 0 && config.Finite(c.MidBlockScaleFactor)) {
		errs = append(errs, config.KeyError("mid_block_scale_factor", c.MidBlockScaleFactor, "want a positive number"))
	}
	return config.FirstError(errs...)
}

func (c *Config) validateBlocks() error {
	levels := len(c.BlockOutChannels)
	if levels < 1 || levels > 16 {
		return fmt.Errorf("config.json: key \"block_out_channels\" has %d items: want 1..16", levels)
	}
	err := config.FirstError(
		sameLength("down_block_types", len(c.DownBlockTypes), levels),
		sameLength("up_block_types", len(c.UpBlockTypes), levels))
	if err != nil {
		return err
	}
	for i, channels := range c.BlockOutChannels {
		item := fmt.Sprintf("%%s[%d]", i)
		err := config.FirstError(
			config.InRange(fmt.Sprintf(item, "block_out_channels"), channels, 1, config.MaxChannels),
			config.OneOf(fmt.Sprintf(item, "down_block_types"), c.DownBlockTypes[i], downBlockTypes...),
			config.OneOf(fmt.Sprintf(item, "up_block_types"), c.UpBlockTypes[i], upBlockTypes...))
		if err != nil {
			return err
		}
	}
	return nil
}

func sameLength(key string, n, levels int) error {
	if n == levels {
		return nil
	}
	return fmt.Errorf("config.json: key %q has %d items and \"block_out_channels\" has %d: want as many",
		key, n, levels)
}

func (c *Config) validateTime() error {
	if c.TimeEmbeddingDim != nil {
		if err := config.InRange("time_embedding_dim", *c.TimeEmbeddingDim, 1, config.MaxChannels); err != nil {
			return err
		}
	}
	if c.TimeEmbeddingType != "positional" {
		return nil
	}
	half := c.BlockOutChannels[0] / 2
	if c.BlockOutChannels[0]%2 != 0 {
		return config.KeyError("block_out_channels[0]", c.BlockOutChannels[0],
			"want an even number, it is the width of the sinusoidal time embedding")
	}
	if c.FreqShift < 0 || c.FreqShift >= half {
		return config.KeyError("freq_shift", c.FreqShift,
			"want 0 <= freq_shift < %d, half the width of the time embedding", half)
	}
	return nil
}

func (c *Config) validateNorms() error {
	if err := config.InRange("norm_num_groups", c.NormNumGroups, 1, config.MaxChannels); err != nil {
		return err
	}
	for i, channels := range c.BlockOutChannels {
		if channels%c.NormNumGroups != 0 {
			return config.KeyError(fmt.Sprintf("block_out_channels[%d]", i), channels,
				"want a multiple of \"norm_num_groups\", which is %d", c.NormNumGroups)
		}
	}
	if c.AttnNormNumGroups == nil {
		return nil
	}
	mid := c.BlockOutChannels[len(c.BlockOutChannels)-1]
	if groups := *c.AttnNormNumGroups; groups < 1 || mid%groups != 0 {
		return config.KeyError("attn_norm_num_groups", groups, "want a divisor of the middle block's %d channels", mid)
	}
	return nil
}

func (c *Config) validateHeads() error {
	if c.AttentionHeadDim == nil {
		return nil
	}
	head := *c.AttentionHeadDim
	if err := config.InRange("attention_head_dim", head, 1, config.MaxChannels); err != nil {
		return err
	}
	levels := len(c.BlockOutChannels)
	for i, channels := range c.BlockOutChannels {
		attends := c.DownBlockTypes[i] == "AttnDownBlock2D" || c.UpBlockTypes[levels-1-i] == "AttnUpBlock2D" ||
			(i == levels-1 && c.MidBlockType != nil && c.AddAttention)
		if attends && channels%head != 0 {
			return config.KeyError("attention_head_dim", head,
				"want a divisor of \"block_out_channels\"[%d], which is %d and has attention", i, channels)
		}
	}
	return nil
}

func (c *Config) validateSize() error {
	if c.SampleSize == (SampleSize{}) {
		return nil
	}
	return c.CheckSize(c.SampleSize.H, c.SampleSize.W)
}

// CheckSize reports whether samples of h x w pixels pass through the network:
// both must be multiples of 2 to the number of downsamplers.
func (c *Config) CheckSize(h, w int) error {
	multiple := 1 << (len(c.BlockOutChannels) - 1)
	if h < 1 || w < 1 || h > 1<<15 || w > 1<<15 || h%multiple != 0 || w%multiple != 0 {
		return fmt.Errorf("a sample of %dx%d pixels does not fit a network with %d levels: "+
			"height and width must be multiples of %d, at most 32768",
			h, w, len(c.BlockOutChannels), multiple)
	}
	return nil
}
