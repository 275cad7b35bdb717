package nn

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// MLPClass is the "_class_name" of MLPConfig.
const MLPClass = "UnnoiseMLP"

// MLPConfig is the configuration of the multi-layer perceptron for points in a
// few dimensions. diffusers has no such class; the file has the same form.
type MLPConfig struct {
	InChannels   int    // dimensions of a point
	OutChannels  int    // dimensions of the output
	Hidden       int    // width of the hidden layers
	Layers       int    // number of hidden layers
	TimeEmbedDim int    // width of the sinusoidal time embedding, even
	ActFn        string // "silu" (also spelt "swish") or "gelu"

	document *pyjson.Object
}

const mlpDefaults = `{
  "_class_name": "UnnoiseMLP", "_diffusers_version": "0.30.0", "act_fn": "silu", "hidden": 128, "in_channels": 2, "layers": 4,
  "out_channels": 2, "time_embed_dim": 128
}`

func (c *MLPConfig) fields() []pyjson.Field {
	return []pyjson.Field{
		{Key: "in_channels", Ptr: &c.InChannels}, {Key: "out_channels", Ptr: &c.OutChannels}, {Key: "hidden", Ptr: &c.Hidden},
		{Key: "layers", Ptr: &c.Layers}, {Key: "time_embed_dim", Ptr: &c.TimeEmbedDim}, {Key: "act_fn", Ptr: &c.ActFn},
	}
}

// DefaultMLPConfig returns four hidden layers of 128 units for points in the
// plane.
func DefaultMLPConfig() *MLPConfig {
	c := &MLPConfig{document: mustObject(mlpDefaults)}
	if err := pyjson.Decode(c.document, c.fields()); err != nil {
		panic(err) // a constant of this package: every test would fail
	}
	return c
}

// ParseMLPConfig reads config.json of an UnnoiseMLP. The error names the first
// key that is unknown or whose value is not supported.
func ParseMLPConfig(data []byte) (*MLPConfig, error) {
	c := &MLPConfig{}
	var err error
	if c.document, err = parseConfig(data, MLPClass, c.fields(), mustObject(mlpDefaults)); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return c, c.Validate()
}

// JSON implements Config.
func (c *MLPConfig) JSON() []byte {
	defaults := mustObject(mlpDefaults)
	document := c.document
	if document == nil {
		document = defaults
	}
	return pyjson.Encode(pyjson.Update(document, c.fields(), defaults))
}

// ClassName implements Config.
func (c *MLPConfig) ClassName() string { return MLPClass }

// Channels implements Config.
func (c *MLPConfig) Channels() (in, out int) { return c.InChannels, c.OutChannels }

// Activation returns "silu" or "gelu".
func (c *MLPConfig) Activation() string { return activation(c.ActFn) }

// Validate implements Config.
func (c *MLPConfig) Validate() error {
	if c.TimeEmbedDim%2 != 0 {
		return keyError("time_embed_dim", c.TimeEmbedDim, "want an even number")
	}
	return firstError(
		inRange("in_channels", c.InChannels, 1, maxChannels),
		inRange("out_channels", c.OutChannels, 1, maxChannels),
		inRange("hidden", c.Hidden, 1, maxChannels),
		inRange("layers", c.Layers, 1, 64),
		inRange("time_embed_dim", c.TimeEmbedDim, 2, maxChannels),
		oneOf("act_fn", c.ActFn, "silu", "swish", "gelu"))
}
