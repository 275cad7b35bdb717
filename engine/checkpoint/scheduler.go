package checkpoint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// diffusersVersion is written as "_diffusers_version": the files hold keys
// that this version of diffusers reads.
const diffusersVersion = "0.30.0"

// The scheduler classes that are written; those of signatures are read.
const (
	DDPMScheduler = "DDPMScheduler"
	DDIMScheduler = "DDIMScheduler"
)

// SchedulerConfig is the configuration of one of diffusers' schedulers. Fields
// are the keys of DDPMScheduler and DDIMScheduler; those that the class lacks
// hold the former's defaults. Options gives all keys that a sampler reads. Field
// comments give what differs from the key in snake case.
type SchedulerConfig struct {
	ClassName         string // "_class_name"
	NumTrainTimesteps int
	BetaStart         float64
	BetaEnd           float64
	BetaSchedule      string    // linear, scaled_linear, squaredcos_cap_v2, or sigmoid (DDPMScheduler only)
	TrainedBetas      []float64 // beta of every t; nil: BetaSchedule decides
	VarianceType      string    // fixed_small or fixed_large, or one of those in logarithms, or learned or learned_range
	ClipSample        bool      // the predicted x_0 is clipped to [-ClipSampleRange, ClipSampleRange]
	ClipSampleRange   float64
	PredictionType    string // epsilon, sample or v_prediction
	TimestepSpacing   string // leading, trailing or linspace
	StepsOffset       int    // added to the timesteps of leading spacing
	SetAlphaToOne     bool   // DDIM: alphas_cumprod before t = 0 is 1, else that of t = 0

	predictEpsilon bool // of old files; must be true

	document *pyjson.Object
}

// schedulerDefaults holds what diffusers gives to absent keys.
const schedulerDefaults = `{"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
  "variance_type": "fixed_small", "clip_sample": true, "clip_sample_range": 1.0, "prediction_type": "epsilon", "timestep_spacing": "leading",
  "steps_offset": 0, "set_alpha_to_one": true, "predict_epsilon": true}`

// newSchedulerDocument holds the keys that diffusers writes for both classes.
const newSchedulerDocument = `{"_class_name": "", "_diffusers_version": "", "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001,
  "clip_sample": true, "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000, "prediction_type": "epsilon",
  "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "steps_offset": 0, "thresholding": false, "timestep_spacing": "leading",
  "trained_betas": null}`

func (c *SchedulerConfig) fields() []pyjson.Field {
	return []pyjson.Field{
		{Key: "_class_name", Ptr: &c.ClassName}, {Key: "num_train_timesteps", Ptr: &c.NumTrainTimesteps},
		{Key: "beta_start", Ptr: &c.BetaStart}, {Key: "beta_end", Ptr: &c.BetaEnd}, {Key: "beta_schedule", Ptr: &c.BetaSchedule},
		{Key: "trained_betas", Ptr: &c.TrainedBetas}, {Key: "variance_type", Ptr: &c.VarianceType}, {Key: "clip_sample", Ptr: &c.ClipSample},
		{Key: "clip_sample_range", Ptr: &c.ClipSampleRange}, {Key: "prediction_type", Ptr: &c.PredictionType},
		{Key: "timestep_spacing", Ptr: &c.TimestepSpacing}, {Key: "steps_offset", Ptr: &c.StepsOffset},
		{Key: "set_alpha_to_one", Ptr: &c.SetAlphaToOne}, {Key: "predict_epsilon", Ptr: &c.predictEpsilon},
	}
}

// ownFields are those that the class has: the other keys say nothing.
func (c *SchedulerConfig) ownFields() []pyjson.Field {
	return slices.DeleteFunc(c.fields(), func(f pyjson.Field) bool {
		v, ok := signatures.Classes[c.ClassName][f.Key]
		return f.Key != "_class_name" && f.Key != "predict_epsilon" && (!ok || v == nil && f.Key != "trained_betas")
	})
}

// defaults are the values of absent keys.
func (c *SchedulerConfig) defaults() (*pyjson.Object, error) {
	defaults, err := pyjson.ParseObject([]byte(schedulerDefaults))
	if err != nil {
		return nil, err
	}
	for _, f := range c.ownFields() {
		if v := signatures.Classes[c.ClassName][f.Key]; v != nil {
			defaults.Set(f.Key, value(v))
		}
	}
	return defaults, nil
}

// NewScheduler returns the configuration of a scheduler class as diffusers
// creates it without arguments.
func NewScheduler(class string) (*SchedulerConfig, error) {
	doc, err := pyjson.ParseObject([]byte(newSchedulerDocument))
	if err != nil {
		return nil, err
	}
	doc.Set("_class_name", class)
	doc.Set("_diffusers_version", diffusersVersion)
	if class == DDIMScheduler {
		doc.Set("set_alpha_to_one", true)
	} else {
		doc.Set("variance_type", "fixed_small")
	}
	return ParseScheduler(pyjson.Encode(doc))
}

// ReadScheduler parses the file at path.
func ReadScheduler(path string) (*SchedulerConfig, error) {
	data, err := ReadText(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseScheduler(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseScheduler reads scheduler_config.json. Absent keys get diffusers'
// defaults. The error names the first key that is unknown or whose value is
// not supported.
func ParseScheduler(data []byte) (*SchedulerConfig, error) {
	c := &SchedulerConfig{}
	doc, err := pyjson.ParseObject(bareInfinity.ReplaceAll(data, []byte(`$1"-Infinity"$2`)))
	if err != nil {
		return nil, err
	}
	c.document = doc
	class, _ := doc.Get("_class_name")
	if c.ClassName, _ = class.(string); signatures.Classes[c.ClassName] == nil {
		return nil, fmt.Errorf("key \"_class_name\" is %s: supported are %s", pyjson.Describe(class), strings.Join(classes(), ", "))
	}
	defaults, err := c.defaults()
	if err != nil {
		return nil, err
	}
	if err := pyjson.Decode(defaults, c.fields()); err != nil {
		return nil, err
	}
	c.ClassName = class.(string)
	if err := pyjson.RefuseUnknown(doc, c.fields(), knownKeys()...); err != nil {
		return nil, err
	}
	if err := pyjson.Decode(c.given(), c.ownFields()); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// Python writes -Infinity where JSON has no number: it is a string while a document is read.
var (
	bareInfinity   = regexp.MustCompile(`("\w+"\s*:\s*)-Infinity(\s*[,}])`)
	quotedInfinity = regexp.MustCompile(`("\w+"\s*:\s*)"-Infinity"(\s*[,}])`)
)

// JSON returns the text of scheduler_config.json. Keys that a parsed file had
// keep their literals; keys it lacked are added only if they differ from the
// default.
func (c *SchedulerConfig) JSON() ([]byte, error) {
	if c == nil {
		return nil, fmt.Errorf("the model has no scheduler configuration to write")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.document == nil {
		return nil, fmt.Errorf("the scheduler configuration was not made by NewScheduler or ParseScheduler")
	}
	doc, err := c.current()
	if err != nil {
		return nil, err
	}
	return quotedInfinity.ReplaceAll(pyjson.Encode(doc), []byte(`$1-Infinity$2`)), nil
}

// SetBetas records a schedule. The name is the "beta_schedule" under which the
// scheduler class computes the same betas from start and end; an empty name, or
// one the class lacks, writes the betas (those of t = 0..T-1) as
// "trained_betas", which diffusers reads too.
func (c *SchedulerConfig) SetBetas(name string, start, end float64, betas []float64) {
	c.NumTrainTimesteps, c.TrainedBetas = len(betas), nil
	if !slices.Contains(c.schedules(), name) {
		c.BetaSchedule, c.TrainedBetas = "linear", slices.Clone(betas)
		return
	}
	c.BetaSchedule = name
	if name != "squaredcos_cap_v2" {
		c.BetaStart, c.BetaEnd = start, end
	}
}

// schedules lists the values of "beta_schedule" that the class knows.
func (c *SchedulerConfig) schedules() []string {
	names := []string{"linear", "scaled_linear", "squaredcos_cap_v2"}
	if c.ClassName == DDPMScheduler {
		names = append(names, "sigmoid")
	}
	return names
}

var varianceTypes = []string{"fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"}

// Validate reports the first key whose value is not supported.
func (c *SchedulerConfig) Validate() error {
	schedules := c.schedules()
	for _, check := range []struct {
		ok   bool
		key  string
		got  any
		want string
	}{
		{c.NumTrainTimesteps >= 1 && c.NumTrainTimesteps <= 1_000_000, "num_train_timesteps", c.NumTrainTimesteps, "1..1000000"},
		{!c.ramp() || c.BetaStart > 0 && c.BetaStart <= 1, "beta_start", c.BetaStart, "numbers above 0 and up to 1"},
		{!c.ramp() || c.BetaEnd > 0 && c.BetaEnd <= 1, "beta_end", c.BetaEnd, "numbers above 0 and up to 1"},
		{slices.Contains(schedules, c.BetaSchedule), "beta_schedule", c.BetaSchedule, strings.Join(schedules, ", ")},
		{slices.Contains(varianceTypes, c.VarianceType), "variance_type", c.VarianceType, strings.Join(varianceTypes, ", ")},
		{c.ClipSampleRange > 0, "clip_sample_range", c.ClipSampleRange, "a positive number"},
		{slices.Contains([]string{"epsilon", "sample", "v_prediction"}, c.PredictionType), "prediction_type", c.PredictionType, "epsilon, sample, v_prediction"},
		{slices.Contains([]string{"leading", "trailing", "linspace"}, c.TimestepSpacing), "timestep_spacing", c.TimestepSpacing, "leading, trailing, linspace"},
		{c.StepsOffset >= 0 && c.StepsOffset < c.NumTrainTimesteps, "steps_offset", c.StepsOffset, "0 to the number of timesteps"},
		{c.predictEpsilon, "predict_epsilon", c.predictEpsilon, "true (use \"prediction_type\")"},
	} {
		if !check.ok {
			return fmt.Errorf("key %q is %s: supported: %s", check.key, pyjson.Describe(check.got), check.want)
		}
	}
	return c.validateBetas()
}

// ramp reports whether betas run from BetaStart to BetaEnd.
func (c *SchedulerConfig) ramp() bool {
	return c.TrainedBetas == nil && c.BetaSchedule != "squaredcos_cap_v2"
}

func (c *SchedulerConfig) validateBetas() error {
	if c.TrainedBetas == nil {
		return nil
	}
	if len(c.TrainedBetas) != c.NumTrainTimesteps {
		return fmt.Errorf("key \"trained_betas\" has %d items, \"num_train_timesteps\" is %d: want as many", len(c.TrainedBetas), c.NumTrainTimesteps)
	}
	for t, b := range c.TrainedBetas {
		if !(b >= 0 && b <= 1) {
			return fmt.Errorf("key \"trained_betas\" holds %g at t = %d: want 0..1", b, t)
		}
	}
	return nil
}
