// Package recipe holds what decides a training run: its configuration file (TOML), the embedded
// presets, the hash that identifies it, and the scalars of each step. It knows nothing of the loop
// that trains.
package recipe

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/nn"
	_ "github.com/unnoise/unnoise/engine/nn/all" // register
	"github.com/unnoise/unnoise/engine/safefile"
	"github.com/unnoise/unnoise/engine/suggest"
)

//go:embed presets/*.toml
var presets embed.FS

// Recipe is everything that decides a training run. It is written as config.toml.
type Recipe struct {
	Network   map[string]any `toml:"network"` // config.json of the network; the text "null" stands for JSON's null
	Diffusion Diffusion      `toml:"diffusion"`
	Data      Data           `toml:"data"`
	Train     Train          `toml:"train"`
	Sample    Sample         `toml:"sample"`
	Log       Log            `toml:"log"`

	renamed        []string // keys that were given in their former spelling, "old -> new"
	derivedHorizon bool     // train.lr_decay_steps was left out
}

// Diffusion is the process and what the network learns of it.
type Diffusion struct {
	Schedule        diffusion.Schedule  `toml:"schedule"`
	Objective       diffusion.Objective `toml:"objective"`
	Prediction      string              `toml:"prediction"`        // epsilon, sample, v_prediction
	Variance        string              `toml:"variance"`          // fixed_small, fixed_large
	ClipSampleRange float64             `toml:"clip_sample_range"` // bound of the predicted x_0 when sampling; 0: none
	Loss            string              `toml:"loss"`              // mse, huber, l1
	HuberDelta      float64             `toml:"huber_delta"`
}

// Train is the optimizer and the schedule of the run.
type Train struct {
	Seed         uint64  `toml:"seed"`
	Steps        int     `toml:"steps"`         // the total
	MicroBatch   int     `toml:"micro_batch"`   // samples of a micro-batch
	MicroBatches int     `toml:"micro_batches"` // of a step: their gradients are averaged
	LearningRate float64 `toml:"learning_rate"`
	WarmupSteps  int     `toml:"warmup_steps"`
	LRSchedule   string  `toml:"lr_schedule"`    // constant, cosine
	LRDecaySteps int     `toml:"lr_decay_steps"` // step at which the cosine rate reaches 0; 0: train.steps
	WeightDecay  float64 `toml:"weight_decay"`
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	Epsilon      float64 `toml:"epsilon"`
	MaxGradNorm  float64 `toml:"max_grad_norm"` // global gradient norm; 0: none
	EMADecay     float64 `toml:"ema_decay"`
	EMAWarmup    bool    `toml:"ema_warmup"`    // decay min(ema_decay, (1+n)/(10+n)) at update n
	LabelDropout float64 `toml:"label_dropout"` // probability that a sample's class is hidden, for guidance; 0: never

	LogEvery        int `toml:"log_every"`
	EvalEvery       int `toml:"eval_every"` // 0: only at the end
	EvalSamples     int `toml:"eval_samples"`
	SampleEvery     int `toml:"sample_every"` // 0: only at the end
	SampleCount     int `toml:"sample_count"`
	CheckpointEvery int `toml:"checkpoint_every"` // 0: only at the end
	KeepCheckpoints int `toml:"keep_checkpoints"`
}

// Sample is the sampler of the pictures made along the way, and the default of later sampling.
type Sample struct {
	Sampler string  `toml:"sampler"`
	Steps   int     `toml:"steps"` // 0: the sampler's own number
	Eta     float64 `toml:"eta"`
	Spacing string  `toml:"spacing"`

	GuidanceScale float64 `toml:"guidance_scale"` // weight of classifier-free guidance; 0 and 1: none
}

// Log is what a run writes beside metrics.jsonl.
type Log struct {
	TensorBoard    bool `toml:"tensorboard"`     // event files in tensorboard/
	HistogramEvery int  `toml:"histogram_every"` // steps between histograms of weights and gradients; 0: a fiftieth of the run
}

// defaults are the values of keys that a file leaves out.
func defaults() *Recipe {
	return &Recipe{
		Diffusion: Diffusion{Prediction: "epsilon", Variance: "fixed_large", ClipSampleRange: 1, Loss: "mse", HuberDelta: 1,
			Schedule: diffusion.Schedule{Kind: "linear", Timesteps: 1000}, Objective: diffusion.Objective{Kind: "simple"}},
		Data: Data{NumPoints: 10000, Layout: data.LayoutAuto, Prefetch: 2, CacheMB: 1000},
		Train: Train{Steps: 1000, MicroBatch: 64, MicroBatches: 1, LearningRate: 2e-4, LRSchedule: "constant", Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8,
			MaxGradNorm: 1, EMADecay: 0.9999, EMAWarmup: true, LogEvery: 10, EvalSamples: 1000, SampleCount: 64, KeepCheckpoints: 3},
		Sample: Sample{Sampler: "ddpm"},
		Log:    Log{TensorBoard: true},
	}
}

// Presets lists the names of the embedded recipes.
func Presets() []string {
	entries, err := presets.ReadDir("presets")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	return names
}

// About is a preset with what it trains, in one line.
type About struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// List describes the presets: the comment at the head of each.
func List() []About {
	var list []About
	for _, name := range Presets() {
		text, err := presets.ReadFile("presets/" + name + ".toml")
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(text), "\n")
		list = append(list, About{Name: name, About: strings.TrimSpace(strings.TrimPrefix(first, "#"))})
	}
	return list
}

// Preset reads an embedded recipe, with overrides key=value.
func Preset(name string, set []string) (*Recipe, error) {
	text, err := presets.ReadFile("presets/" + name + ".toml")
	if err != nil {
		want := "want one of"
		if near := suggest.Nearest(name, Presets()); near != "" {
			want = fmt.Sprintf("did you mean %s? There are", near)
		}
		return nil, fmt.Errorf("unknown preset %q: %s %s", name, want, strings.Join(Presets(), ", "))
	}
	return Parse("preset "+name, string(text), set)
}

// MaxBytes is the size of the largest recipe that is read.
const MaxBytes = 1 << 20

// ReadFile reads a recipe from a TOML file, with overrides key=value.
func ReadFile(path string, set []string) (*Recipe, error) {
	text, err := safefile.ReadFile(path, MaxBytes)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(text), set)
}

// Parse reads a recipe's text; name is what errors call it. Unknown keys are errors.
func Parse(name, text string, set []string) (*Recipe, error) {
	r := defaults()
	if err := r.merge(name, text); err != nil {
		return nil, err
	}
	if err := r.overrideAll(set); err != nil {
		return nil, err
	}
	r.deriveClass()
	r.deriveHorizon()
	return r, r.Validate()
}

// overrideAll sets the keys of a list of key=value.
func (r *Recipe) overrideAll(set []string) error {
	given := map[string]string{} // today's spelling -> the one given
	for _, kv := range set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok || key == "" {
			return fmt.Errorf("--set %q: want key=value, for example train.micro_batch=32", kv)
		}
		key = strings.TrimSpace(key)
		if other, ok := given[spelling(key)]; ok && other != key {
			return fmt.Errorf("--set %s and --set %s are the same key: give %s alone", other, key, spelling(key))
		}
		given[spelling(key)] = key
		if err := r.override(key, strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	return nil
}

// override sets one key; a value that is not TOML is taken as text.
func (r *Recipe) override(key, value string) error {
	name := "--set " + key
	err := r.merge(name, key+" = "+value)
	var parse toml.ParseError
	if err != nil && asParse(err, &parse) {
		return r.merge(name, fmt.Sprintf("%s = %q", key, value))
	}
	return err
}

// Encode returns the recipe as TOML, defaults included, each key explained.
func (r *Recipe) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	return comment(b.Bytes()), nil
}

// NetworkConfig returns the network's configuration.
func (r *Recipe) NetworkConfig() (nn.Config, error) {
	fixed := map[string]any{}
	for k, v := range r.Network {
		if v == "null" {
			v = nil
		}
		fixed[k] = v
	}
	if classes, ok := r.Network["num_class_embeds"].(int64); ok && r.Train.LabelDropout > 0 {
		fixed["_null_label"] = classes - 1
	}
	text, err := json.Marshal(fixed)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	cfg, err := nn.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	return cfg, nil
}

// Scheduler returns the diffusers scheduler configuration of the recipe.
func (r *Recipe) Scheduler() (*checkpoint.SchedulerConfig, error) {
	d := r.Diffusion
	s, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		return nil, err
	}
	schedule, err := d.Schedule.Normalized()
	if err != nil {
		return nil, fmt.Errorf("diffusion.schedule: %w", err)
	}
	betas, err := schedule.Betas()
	if err != nil {
		return nil, fmt.Errorf("diffusion.schedule: %w", err)
	}
	name, err := schedule.DiffusersName()
	if err != nil {
		name = "" // written as trained betas
	}
	s.NumTrainTimesteps = schedule.Timesteps
	s.SetBetas(name, schedule.BetaStart, schedule.BetaEnd, betas)
	pred, err := diffusion.ParsePrediction(d.Prediction)
	if err != nil {
		return nil, fmt.Errorf("diffusion.prediction: %w", err)
	}
	variance, err := diffusion.ParseVariance(d.Variance)
	if err != nil {
		return nil, fmt.Errorf("diffusion.variance: %w", err)
	}
	s.PredictionType, s.VarianceType = string(pred), string(variance)
	if s.ClipSample = d.ClipSampleRange > 0; s.ClipSample {
		s.ClipSampleRange = d.ClipSampleRange
	}
	return s, nil
}
