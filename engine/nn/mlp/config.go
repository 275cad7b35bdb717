// Package mlp is a residual perceptron for points in a few dimensions.
package mlp

import (
	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/nn/config"
)

// ClassName is the "_class_name" of Config.
const ClassName = "UnnoiseMLP"

// Config is the configuration of the multi-layer perceptron for points in a
// few dimensions. diffusers has no such class; the file has the same form.
type Config struct {
	InChannels   int    // dimensions of a point
	OutChannels  int    // dimensions of the output
	Hidden       int    // width of the hidden layers
	Layers       int    // number of hidden layers
	TimeEmbedDim int    // width of the sinusoidal time embedding, even
	ActFn        string // "silu" (also spelt "swish") or "gelu"

	document *pyjson.Object
}

const defaultConfig = `{
  "_class_name": "UnnoiseMLP", "_diffusers_version": "0.30.0", "act_fn": "silu", "hidden": 128,
  "in_channels": 2, "layers": 4, "out_channels": 2, "time_embed_dim": 128
}`

func (c *Config) fields() []pyjson.Field {
	return []pyjson.Field{
		{Key: "in_channels", Ptr: &c.InChannels}, {Key: "out_channels", Ptr: &c.OutChannels},
		{Key: "hidden", Ptr: &c.Hidden}, {Key: "layers", Ptr: &c.Layers},
		{Key: "time_embed_dim", Ptr: &c.TimeEmbedDim}, {Key: "act_fn", Ptr: &c.ActFn},
	}
}

// DefaultConfig returns four hidden layers of 128 units for points in the
// plane.
func DefaultConfig() *Config {
	c := &Config{document: config.MustObject(defaultConfig)}
	if err := pyjson.Decode(c.document, c.fields()); err != nil {
		panic(err) // a constant of this package: every test would fail
	}
	return c
}

// ParseConfig reads config.json of an UnnoiseMLP. The error names the first
// key that is unknown or whose value is not supported.
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

// Validate implements nn.Config.
func (c *Config) Validate() error {
	if c.TimeEmbedDim%2 != 0 {
		return config.KeyError("time_embed_dim", c.TimeEmbedDim, "want an even number")
	}
	return config.FirstError(
		config.InRange("in_channels", c.InChannels, 1, config.MaxChannels),
		config.InRange("out_channels", c.OutChannels, 1, config.MaxChannels),
		config.InRange("hidden", c.Hidden, 1, config.MaxChannels),
		config.InRange("layers", c.Layers, 1, 64),
		config.InRange("time_embed_dim", c.TimeEmbedDim, 2, config.MaxChannels),
		config.OneOf("act_fn", c.ActFn, "silu", "swish", "gelu"))
}
