package unet2d

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/nn/config"
)

// cifar10Config is the text of the configuration of google/ddpm-cifar10-32,
// 699 bytes long.
//
//go:embed testdata/published/ddpm-cifar10-32.json
var cifar10Config string

func TestCIFAR10ConfigRoundTrip(t *testing.T) {
	if len(cifar10Config) != 699 {
		t.Fatalf("the text has %d bytes, want 699", len(cifar10Config))
	}
	c, err := ParseConfig([]byte(cifar10Config))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.JSON()); got != cifar10Config {
		t.Errorf("read and written again:\n%s", got)
	}
	if c.AttentionHeadDim != nil || c.NormEps != 1e-6 || c.SampleSize != (SampleSize{32, 32}) || !c.AddAttention || c.TimeEmbedDim() != 512 ||
		c.ResnetTimeScaleShift != "default" || c.DownsampleType != "conv" || c.MidAttentionGroups() != 32 {
		t.Errorf("parsed as %+v", c)
	}
	c.NormEps, c.Dropout, c.SampleSize.W = 1e-5, 0.1, 64
	want := strings.Replace(cifar10Config, "1e-06", "1e-05", 1)
	want = strings.Replace(want, `  "flip_sin`, "  \"dropout\": 0.1,\n  \"flip_sin", 1)
	want = strings.Replace(want, `"sample_size": 32`, "\"sample_size\": [\n    32,\n    64\n  ]", 1)
	if got := string(c.JSON()); got != want {
		t.Errorf("after changes:\n%s\nwant\n%s", got, want)
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []struct{ edit, with, want string }{
		{`"silu"`, `"mish"`, `key "act_fn" is "mish": supported: silu, swish, gelu`},
		{`"positional"`, `"learned"`, `"time_embedding_type" is "learned"`},
		{`"attention_head_dim": null`, `"attention_head_dim": 24`, `"attention_head_dim" is 24: want a divisor`},
		{`"attention_head_dim": null`, `"attention_head_dim": "8"`, `key "attention_head_dim" is "8": want an integer or null`},
		{`"norm_num_groups": 32`, `"norm_num_groups": 48`, `"block_out_channels[0]" is 128: want a multiple of "norm_num_groups", which is 48`},
		{`"norm_num_groups": 32`, `"norm_num_groups": null`, `key "norm_num_groups" is null`},
		{`"downsample_padding": 0`, `"downsample_padding": 2`, `"downsample_padding" is 2`},
		{`"sample_size": 32`, `"sample_size": 30`, `30x30 pixels`},
		{`"sample_size": 32`, `"sample_size": [32]`, `"sample_size" is [32]: want a positive integer, [height, width] or null`},
		{`"DownBlock2D",`, `"KDownBlock2D",`, `"down_block_types[0]" is "KDownBlock2D"`},
		{`"UpBlock2D",`, ``, `"up_block_types" has 3 items`},
		{`"freq_shift": 1`, `"freq_shift": 64`, `"freq_shift" is 64`},
		{`"freq_shift": 1`, `"freq_shift": 1, "encoder_hid_dim": 4`, `key "encoder_hid_dim" is 4: this key is not known`},
		{`"freq_shift": 1`, `"freq_shift": 1, "downsample_type": "kdown"`, `"downsample_type" is "kdown": supported: conv, resnet`},
		{`"freq_shift": 1`, `"freq_shift": 1, "upsample_type": "fir"`, `"upsample_type" is "fir": supported: conv, resnet`},
		{`"freq_shift": 1`, `"freq_shift": 1, "decays": 1`, `key "decays" is 1: this key is not known`},
		{`"freq_shift": 1`, `"freq_shift": 1, "mid_block_type": "UnCLIPUNetMidBlock2D"`, `"mid_block_type"`},
		{`"freq_shift": 1`, `"freq_shift": 1, "class_embed_type": "projection"`, `"class_embed_type" is "projection"`},
		{`"freq_shift": 1`, `"freq_shift": 1, "dropout": 1`, `"dropout" is 1`},
		{`"freq_shift": 1`, `"freq_shift": 1, "freq_shift": 2`, `key "freq_shift" appears twice`},
		{`"in_channels": 3`, `"in_channels": 0`, `"in_channels" is 0`},
		{`"UNet2DModel"`, `"UNet2DConditionModel"`, `"_class_name" is "UNet2DConditionModel"`},
		{`"norm_eps": 1e-06`, `"norm_eps": 0`, `"norm_eps" is 0`},
		{"128,\n    256,\n    256,\n    256", "", `"block_out_channels" has 0 items`},
	} {
		text := strings.Replace(cifar10Config, c.edit, c.with, 1)
		if text == cifar10Config {
			t.Fatalf("%q is not in the text", c.edit)
		}
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v\nwant one with %s", c.with, err, c.want)
		}
	}
}

func TestConfigAccepts(t *testing.T) {
	for _, keys := range []string{
		`"class_embed_type": "timestep"`, `"class_embed_type": "identity"`, `"num_class_embeds": 10`, `"resnet_time_scale_shift": "scale_shift"`,
		`"add_attention": false`, `"attn_norm_num_groups": 16`, `"_name_or_path": "google/x"`, `"something_new": null`, `"attention_head_dim": 8`,
		`"mid_block_scale_factor": 1.4142135623730951`, `"sample_size": [64, 32]`, `"sample_size": null`, `"time_embedding_dim": 96`,
		`"downsample_type": "resnet"`, `"upsample_type": "resnet"`, `"mid_block_type": null`,
		`"decay": 0.9999, "inv_gamma": 1.0, "min_decay": 0.0, "optimization_step": 80, "power": 0.75, "update_after_step": 0, "use_ema_warmup": true`,
		`"time_embedding_type": "fourier"`, `"act_fn": "swish"`, `"num_train_timesteps": 1000`,
	} {
		text := fmt.Sprintf(`{"_class_name": "UNet2DModel", "block_out_channels": [32, 64], "down_block_types": ["ResnetDownsampleBlock2D", "AttnDownBlock2D"],
			"up_block_types": ["AttnUpBlock2D", "ResnetUpsampleBlock2D"], %s}`, keys)
		c, err := ParseConfig([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		if again, err := ParseConfig(c.JSON()); err != nil || string(again.JSON()) != string(c.JSON()) {
			t.Errorf("%s: written form does not read back: %v", keys, err)
		}
	}
}

func TestMidAttentionGroups(t *testing.T) {
	c := DefaultConfig()
	if got := c.MidAttentionGroups(); got != 32 {
		t.Errorf("default: %d groups, want 32", got)
	}
	c.ResnetTimeScaleShift = "scale_shift"
	if got := c.MidAttentionGroups(); got != 0 {
		t.Errorf("scale_shift: %d groups, want none", got)
	}
	groups := 8
	c.AttnNormNumGroups = &groups
	if got := c.MidAttentionGroups(); got != 8 {
		t.Errorf("attn_norm_num_groups 8: %d groups", got)
	}
}

func TestDefaultConfig(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	again, err := ParseConfig(c.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.JSON()) != string(c.JSON()) {
		t.Error("the default configuration changes when read and written")
	}
	if len(c.fields()) != len(config.MustObject(defaultConfig).Keys())-2 {
		t.Error("the default document and the fields have different keys")
	}
}
