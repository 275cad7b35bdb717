package sampler

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// Rule chooses between diffusers' numbers and unnoise's where they differ: abar
// of the next timestep in DDIM with spacings that do not divide T, and noise at
// a last step that ends above t = 0.
type Rule string

// The rules.
const (
	Unnoise   Rule = "unnoise"   // the chain's own next timestep; no noise at the last step
	Diffusers Rule = "diffusers" // as its schedulers compute
)

// ParseRule returns the rule of that name.
func ParseRule(name string) (Rule, error) {
	if r := Rule(name); r == Unnoise || r == Diffusers {
		return r, nil
	}
	return "", fmt.Errorf("unknown rule %q: expected unnoise or diffusers", name)
}

// Options configures a sampler. Fields with a json tag are keys of diffusers'
// scheduler_config.json under their names there; a sampler's Defaults hold the
// values of absent keys. A sampler ignores fields it does not read.
type Options struct {
	Steps int   `json:"-"` // sampling steps; 0: the sampler's default
	Rule  Rule  `json:"-"` // "" is Unnoise
	Grid  *Grid `json:"-"` // noise levels in place of those that the schedule, the steps and the spacing give

	Eta                   float64    `json:"-"` // share of noise: 0 deterministic, 1 ancestral
	UseClippedModelOutput bool       `json:"-"` // DDIM: the noise estimate belongs to the clipped x_0
	SNoise                float64    `json:"-"` // factor on the noise of ancestral and SDE samplers
	SChurn                float64    `json:"-"` // Karras et al. 2022, algorithm 2
	STMin                 float64    `json:"-"`
	STMax                 float64    `json:"-"`
	R                     float64    `json:"-"` // place of the second call of two-stage methods in a step, 0..1
	Time                  *TimeCurve `json:"-"` // edm: the path it steps along; nil: sigma = t

	PredictionType           diffusion.Prediction `json:"prediction_type"`
	TimestepSpacing          Spacing              `json:"timestep_spacing"`
	StepsOffset              int                  `json:"steps_offset"`
	ClipSample               bool                 `json:"clip_sample"`
	ClipSampleRange          float64              `json:"clip_sample_range"`
	Thresholding             bool                 `json:"thresholding"`
	DynamicThresholdingRatio float64              `json:"dynamic_thresholding_ratio"`
	SampleMaxValue           float64              `json:"sample_max_value"`
	VarianceType             string               `json:"variance_type"`
	RescaleBetasZeroSNR      bool                 `json:"rescale_betas_zero_snr"`
	SetAlphaToOne            bool                 `json:"set_alpha_to_one"`
	SkipPRKSteps             bool                 `json:"skip_prk_steps"`

	SolverOrder      int     `json:"solver_order"`
	AlgorithmType    string  `json:"algorithm_type"`
	SolverType       string  `json:"solver_type"`
	LowerOrderFinal  bool    `json:"lower_order_final"`
	EulerAtFinal     bool    `json:"euler_at_final"`
	FinalSigmasType  string  `json:"final_sigmas_type"`
	LambdaMinClipped float64 `json:"lambda_min_clipped"`
	PredictX0        bool    `json:"predict_x0"`
	DisableCorrector []int   `json:"disable_corrector"`

	UseKarrasSigmas      bool     `json:"use_karras_sigmas"`
	UseExponentialSigmas bool     `json:"use_exponential_sigmas"`
	UseBetaSigmas        bool     `json:"use_beta_sigmas"`
	UseLuLambdas         bool     `json:"use_lu_lambdas"`
	BetaSchedule         string   `json:"beta_schedule"` // decides how DPM-Solver rounds timesteps of sigmas
	InterpolationType    string   `json:"interpolation_type"`
	TimestepType         string   `json:"timestep_type"`
	SigmaMin             *float64 `json:"sigma_min"`
	SigmaMax             *float64 `json:"sigma_max"`
	SigmaData            float64  `json:"sigma_data"`
	SigmaSchedule        string   `json:"sigma_schedule"`
	Rho                  float64  `json:"rho"`
}

// Keys returns the keys of scheduler_config.json that some sampler reads.
func Keys() []string {
	var keys []string
	t := reflect.TypeFor[Options]()
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("json"); key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}

// Field returns a pointer to the field of o with that key of
// scheduler_config.json, or nil.
func (o *Options) Field(key string) any {
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == key && key != "-" {
			return v.Field(i).Addr().Interface()
		}
	}
	return nil
}

// Set decodes the value of a key of scheduler_config.json. null keeps the
// default; infinities may be written as strings ("-inf") or as Python does.
func (o *Options) Set(key string, value json.RawMessage) error {
	field := o.Field(key)
	if field == nil {
		return fmt.Errorf("unknown key %q", key)
	}
	if f, ok := field.(*float64); ok {
		text := strings.Trim(string(value), `"`)
		if v, err := strconv.ParseFloat(text, 64); err == nil && math.IsInf(v, 0) {
			*f = v
			return nil
		}
	}
	if err := json.Unmarshal(value, field); err != nil {
		return fmt.Errorf("key %q is %s: %w", key, value, err)
	}
	return nil
}

// bounds sets the table's clipping or thresholding. Thresholding wins, as in
// diffusers.
func (o *Options) bounds(t *Table) error {
	switch {
	case o.Thresholding:
		ratio, most := o.DynamicThresholdingRatio, o.SampleMaxValue
		if !(ratio > 0 && ratio <= 1) || !(most >= 1) || math.IsInf(most, 0) {
			return fmt.Errorf("dynamic_thresholding_ratio %v, sample_max_value %v; expected 0..1 and at least 1",
				ratio, most)
		}
		t.Threshold = &Threshold{Ratio: ratio, Max: most}
	case o.ClipSample:
		if !(o.ClipSampleRange > 0) || math.IsInf(o.ClipSampleRange, 0) {
			return fmt.Errorf("clip_sample_range is %v; expected a positive number", o.ClipSampleRange)
		}
		t.Clip = o.ClipSampleRange
	}
	return nil
}

// oneOf checks the value of a key against its alternatives.
func oneOf(key, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s is %q; expected %s", key, value, strings.Join(allowed, ", "))
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
