package checkpoint

import (
	"bytes"
	_ "embed" // schedulers.json
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/safefile"
	"github.com/unnoise/unnoise/engine/sampler"
)

// signaturesText holds the arguments of diffusers' schedulers with their
// defaults; scripts/scheduler_keys.py writes it.
//
//go:embed schedulers.json
var signaturesText []byte

// signatures are those arguments: of the classes that are read, and the names
// of those that only others have.
var signatures = readSignatures(signaturesText)

type signatureFile struct {
	Classes map[string]map[string]any `json:"classes"`
	Others  []string                  `json:"others"`
}

func readSignatures(text []byte) (s signatureFile) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		panic("checkpoint: schedulers.json: " + err.Error())
	}
	return s
}

func classes() []string { return slices.Sorted(maps.Keys(signatures.Classes)) }

// SchedulerKeys lists the keys that a class has, sorted.
func SchedulerKeys(class string) []string { return slices.Sorted(maps.Keys(signatures.Classes[class])) }

// value is a decoded JSON value as pyjson keeps it.
func value(v any) any {
	if n, ok := v.(json.Number); ok {
		return pyjson.Number(n)
	}
	return v
}

// privateKeys say nothing about samples.
var privateKeys = []string{"_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values", "tensor_format"}

// processKeys make the forward process.
var processKeys = []string{"num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas"}

// knownKeys are all that some scheduler of diffusers has: what from_config
// leaves in the file of another class has no effect there.
func knownKeys() []string {
	keys := slices.Concat(privateKeys, signatures.Others)
	for _, c := range signatures.Classes {
		keys = slices.AppendSeq(keys, maps.Keys(c))
	}
	return keys
}

// flowKeys have no effect while use_flow_sigmas is off, shiftKeys while
// use_dynamic_shifting is.
var flowKeys = []string{"flow_shift", "use_dynamic_shifting", "time_shift_type", "shift_terminal"}

// current is the document with the fields as they are now.
func (c *SchedulerConfig) current() (*pyjson.Object, error) {
	defaults, err := c.defaults()
	if err != nil {
		return nil, err
	}
	return pyjson.Update(c.document, c.ownFields(), defaults), nil
}

// given is the document without the keys that "_use_default_values" names:
// diffusers takes those as absent.
func (c *SchedulerConfig) given() *pyjson.Object {
	list, _ := c.document.Get("_use_default_values")
	left, _ := list.([]any)
	doc := pyjson.NewObject()
	for _, key := range c.document.Keys() {
		if v, _ := c.document.Get(key); !slices.Contains(left, any(key)) {
			doc.Set(key, v)
		}
	}
	return doc
}

// Options returns the options of a sampler as diffusers' from_config takes them:
// the sampler's defaults under the keys of the file that its class has. A key
// that would change samples in a way that the sampler does not know is refused
// by name.
func (c *SchedulerConfig) Options(s *sampler.Sampler) (sampler.Options, error) {
	o := s.Defaults
	o.BetaSchedule = c.BetaSchedule
	if !c.predictEpsilon {
		return o, fmt.Errorf("key \"predict_epsilon\" is false: use \"prediction_type\"")
	}
	doc, err := c.current()
	if err != nil {
		return o, err
	}
	given := c.given()
	signature := signatures.Classes[s.Class]
	flows, _ := given.Get("use_flow_sigmas")
	for _, key := range doc.Keys() {
		v, _ := doc.Get(key)
		if _, ok := given.Get(key); !ok {
			if _, ok := c.document.Get(key); ok { // named in "_use_default_values"
				continue
			}
		}
		preset, has := signature[key]
		switch {
		case slices.Contains(processKeys, key) || v == nil:
		case s.Reads(key) && (has || signature == nil):
			if err := o.Set(key, bytes.TrimSpace(pyjson.Encode(v))); err != nil {
				return o, err
			}
		case key == "variance_type" && fixedVariance(v): // read by ancestral samplers alone
		case has && !equal(v, preset) && !(slices.Contains(flowKeys, key) && flows != true):
			return o, fmt.Errorf("key %q is %s: sampler %s takes only %s; choose another with --sampler or remove the key",
				key, pyjson.Describe(v), s.Name, pyjson.Describe(value(preset)))
		}
	}
	return o, nil
}

// fixedVariance tells whether a variance_type is one that the network does not give: solvers ask for no more.
func fixedVariance(v any) bool {
	name, ok := v.(string)
	if !ok {
		return false
	}
	_, err := diffusion.ParseVariance(name)
	return err == nil
}

// equal compares JSON values; numbers as numbers.
func equal(v, preset any) bool {
	if a, ok := v.(pyjson.Number); ok {
		b, ok := preset.(json.Number)
		x, errX := a.Float64()
		y, errY := b.Float64()
		return ok && errX == nil && errY == nil && x == y
	}
	if l, ok := v.([]any); ok {
		m, ok := preset.([]any)
		return ok && len(l) == 0 && len(m) == 0
	}
	return v == preset
}

// decoders are the parts of a pipeline that turn what the network denoises into
// samples, or that it cannot do without.
var decoders = []string{"vqvae", "vae", "movq", "vae_decoder", "text_encoder", "image_encoder", "prior", "decoder"}

// CheckPipeline reports why what the network of a pipeline denoises are no
// samples: its model_index.json names a part that decodes them or that the
// network needs. An empty path has nothing to report.
func CheckPipeline(index string) error {
	if index == "" {
		return nil
	}
	text, err := safefile.ReadFile(index, 0)
	if err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return fmt.Errorf("%s: %w", index, err)
	}
	for _, name := range decoders {
		var part []*string
		if json.Unmarshal(parts[name], &part) == nil && len(part) == 2 && part[1] != nil {
			return fmt.Errorf("%s: the pipeline has a %s (%s): the network denoises latents, which only that turns into samples, and "+
				"that is not supported; its network can be used with predict", index, name, *part[1])
		}
	}
	return nil
}
