package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint/pyjson"
)

// diffusersVersion is written as "_diffusers_version": the files hold keys
// that this version of diffusers reads.
const diffusersVersion = "0.30.0"

// The scheduler classes that are read and written.
const (
	DDPMScheduler = "DDPMScheduler"
	DDIMScheduler = "DDIMScheduler"
)

// SchedulerConfig is the configuration of diffusers' DDPMScheduler or
// DDIMScheduler. Field comments give what differs from the key in snake case.
type SchedulerConfig struct {
	ClassName         string // "_class_name": DDPMScheduler or DDIMScheduler
	NumTrainTimesteps int
	BetaStart         float64
	BetaEnd           float64
	BetaSchedule      string    // linear, scaled_linear, squaredcos_cap_v2, or sigmoid (DDPMScheduler only)
	TrainedBetas      []float64 // beta of every t; nil: BetaSchedule decides
	VarianceType      string    // fixed_small or fixed_large
	ClipSample        bool      // the predicted x_0 is clipped to [-ClipSampleRange, ClipSampleRange]
	ClipSampleRange   float64
	PredictionType    string // epsilon, sample or v_prediction
	TimestepSpacing   string // leading, trailing or linspace
	StepsOffset       int    // added to the timesteps of leading spacing
	SetAlphaToOne     bool   // DDIM: alphas_cumprod before t = 0 is 1, else that of t = 0

	// Keys that must keep the value that switches them off.
	thresholding, rescaleBetasZeroSNR, predictEpsilon bool

	document *pyjson.Object
}

// schedulerDefaults holds what diffusers gives to absent keys.
const schedulerDefaults = `{"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
  "variance_type": "fixed_small", "clip_sample": true, "clip_sample_range": 1.0, "prediction_type": "epsilon", "timestep_spacing": "leading",
  "steps_offset": 0, "set_alpha_to_one": true, "thresholding": false, "rescale_betas_zero_snr": false, "predict_epsilon": true}`

// newSchedulerDocument holds the keys that diffusers writes for both classes.
const newSchedulerDocument = `{"_class_name": "", "_diffusers_version": "", "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001,
  "clip_sample": true, "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000, "prediction_type": "epsilon",
  "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "steps_offset": 0, "thresholding": false, "timestep_spacing": "leading",
  "trained_betas": null}`

// harmlessSchedulerKeys have no effect while thresholding is off, or never.
var harmlessSchedulerKeys = []string{"_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values",
	"dynamic_thresholding_ratio", "sample_max_value", "tensor_format"}

func (c *SchedulerConfig) fields() []pyjson.Field {
	return []pyjson.Field{
		{Key: "_class_name", Ptr: &c.ClassName}, {Key: "num_train_timesteps", Ptr: &c.NumTrainTimesteps},
		{Key: "beta_start", Ptr: &c.BetaStart}, {Key: "beta_end", Ptr: &c.BetaEnd}, {Key: "beta_schedule", Ptr: &c.BetaSchedule},
		{Key: "trained_betas", Ptr: &c.TrainedBetas}, {Key: "variance_type", Ptr: &c.VarianceType}, {Key: "clip_sample", Ptr: &c.ClipSample},
		{Key: "clip_sample_range", Ptr: &c.ClipSampleRange}, {Key: "prediction_type", Ptr: &c.PredictionType},
		{Key: "timestep_spacing", Ptr: &c.TimestepSpacing}, {Key: "steps_offset", Ptr: &c.StepsOffset},
		{Key: "set_alpha_to_one", Ptr: &c.SetAlphaToOne}, {Key: "thresholding", Ptr: &c.thresholding},
		{Key: "rescale_betas_zero_snr", Ptr: &c.rescaleBetasZeroSNR}, {Key: "predict_epsilon", Ptr: &c.predictEpsilon},
	}
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
	doc, err := pyjson.ParseObject(data)
	if err != nil {
		return nil, err
	}
	c.document = doc
	defaults, err := pyjson.ParseObject([]byte(schedulerDefaults))
	if err != nil {
		return nil, err
	}
	if err := pyjson.Decode(defaults, c.fields()); err != nil {
		return nil, err
	}
	if class, _ := doc.Get("_class_name"); class != DDPMScheduler && class != DDIMScheduler {
		return nil, fmt.Errorf("key \"_class_name\" is %s: supported are %s and %s", pyjson.Describe(class), DDPMScheduler, DDIMScheduler)
	}
	if err := pyjson.RefuseUnknown(doc, c.fields(), harmlessSchedulerKeys...); err != nil {
		return nil, err
	}
	if err := pyjson.Decode(doc, c.fields()); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// JSON returns the text of scheduler_config.json. Keys that a parsed file had
// keep their literals; keys it lacked are added only if they differ from the
// default.
func (c *SchedulerConfig) JSON() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.document == nil {
		return nil, fmt.Errorf("the scheduler configuration was not made by NewScheduler or ParseScheduler")
	}
	defaults, err := pyjson.ParseObject([]byte(schedulerDefaults))
	if err != nil {
		return nil, err
	}
	return pyjson.Encode(pyjson.Update(c.document, c.fields(), defaults)), nil
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
		{c.BetaStart >= 0 && c.BetaStart <= 1, "beta_start", c.BetaStart, "0..1"},
		{c.BetaEnd >= 0 && c.BetaEnd <= 1, "beta_end", c.BetaEnd, "0..1"},
		{slices.Contains(schedules, c.BetaSchedule), "beta_schedule", c.BetaSchedule, strings.Join(schedules, ", ")},
		{c.VarianceType == "fixed_small" || c.VarianceType == "fixed_large", "variance_type", c.VarianceType, "fixed_small, fixed_large"},
		{c.ClipSampleRange > 0, "clip_sample_range", c.ClipSampleRange, "a positive number"},
		{slices.Contains([]string{"epsilon", "sample", "v_prediction"}, c.PredictionType), "prediction_type", c.PredictionType, "epsilon, sample, v_prediction"},
		{slices.Contains([]string{"leading", "trailing", "linspace"}, c.TimestepSpacing), "timestep_spacing", c.TimestepSpacing, "leading, trailing, linspace"},
		{c.StepsOffset >= 0 && c.StepsOffset < c.NumTrainTimesteps, "steps_offset", c.StepsOffset, "0 to the number of timesteps"},
		{!c.thresholding, "thresholding", c.thresholding, "false"},
		{!c.rescaleBetasZeroSNR, "rescale_betas_zero_snr", c.rescaleBetasZeroSNR, "false"},
		{c.predictEpsilon, "predict_epsilon", c.predictEpsilon, "true (use \"prediction_type\")"},
	} {
		if !check.ok {
			return fmt.Errorf("key %q is %s: supported: %s", check.key, pyjson.Describe(check.got), check.want)
		}
	}
	return c.validateBetas()
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
