package recipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/diffusion"
)

// OfModel is the recipe that trains the network of a config.json further, with what its scheduler says
// of the diffusion (nil: the defaults), overrides key=value, and defaults for the rest.
func OfModel(name string, config []byte, sched *checkpoint.SchedulerConfig, set []string) (*Recipe, error) {
	network, err := networkTable(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	tables := map[string]any{"network": network}
	if sched != nil {
		if tables["diffusion"], err = diffusionTable(sched); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(tables); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return Parse(name, b.String(), set)
}

// networkTable converts a config.json: private keys are left out, null becomes the text "null".
func networkTable(config []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber()
	var network map[string]any
	if err := decoder.Decode(&network); err != nil {
		return nil, err
	}
	for key, value := range network {
		if strings.HasPrefix(key, "_") && key != "_class_name" {
			delete(network, key)
			continue
		}
		network[key] = tomlValue(value)
	}
	return network, nil
}

func tomlValue(v any) any {
	switch v := v.(type) {
	case nil:
		return "null"
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		x, _ := v.Float64() // a number of JSON
		return x
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = tomlValue(v[i])
		}
		return list
	}
	return v
}

// diffusionTable is what a scheduler says of the process and the prediction.
func diffusionTable(s *checkpoint.SchedulerConfig) (map[string]any, error) {
	if s.TrainedBetas != nil {
		return nil, fmt.Errorf("its scheduler lists betas of its own: give the recipe that it was trained with as --config FILE")
	}
	kind, err := diffusion.ParseKind(s.BetaSchedule)
	if err != nil {
		return nil, err
	}
	clip := 0.0
	if s.ClipSample {
		clip = s.ClipSampleRange
	}
	table := map[string]any{"prediction": s.PredictionType, "clip_sample_range": clip,
		"schedule": map[string]any{"kind": kind, "timesteps": s.NumTrainTimesteps, "beta_start": s.BetaStart, "beta_end": s.BetaEnd}}
	if _, err := diffusion.ParseVariance(s.VarianceType); err == nil {
		table["variance"] = s.VarianceType
	}
	return table, nil
}
