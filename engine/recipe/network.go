package recipe

import "maps"

// deriveClass names the class of a network that leaves it out: the perceptron for points where the data
// are a 2-D set or the settings are a perceptron's, else the U-Net for images.
func (r *Recipe) deriveClass() {
	if _, ok := r.Network["_class_name"]; ok {
		return
	}
	class := "UNet2DModel"
	if _, perceptron := r.Network["hidden"]; perceptron || r.Data.generated() {
		class = "UnnoiseMLP"
	}
	if r.Network == nil {
		r.Network = map[string]any{}
	}
	r.Network["_class_name"] = class
}

// WithChannels returns the recipe with the data's number of channels where the network leaves its own
// out and the default of its class is another.
func (r *Recipe) WithChannels(n int) (*Recipe, error) {
	cfg, err := r.NetworkConfig()
	if err != nil {
		return nil, err
	}
	in, out := cfg.Channels()
	with := *r
	with.Network = maps.Clone(r.Network)
	for key, channels := range map[string]int{"in_channels": in, "out_channels": out} {
		if _, ok := with.Network[key]; !ok && channels != n {
			with.Network[key] = int64(n)
		}
	}
	return &with, nil
}
