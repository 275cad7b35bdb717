package checkpoint

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/sampler"
)

// cifar10Scheduler is the text of google/ddpm-cifar10-32, 256 bytes long.
const cifar10Scheduler = `{
  "_class_name": "DDPMScheduler",
  "_diffusers_version": "0.1.0",
  "beta_end": 0.02,
  "beta_schedule": "linear",
  "beta_start": 0.0001,
  "clip_sample": true,
  "num_train_timesteps": 1000,
  "trained_betas": null,
  "variance_type": "fixed_large"
}
`

func schedulerText(t *testing.T, c *SchedulerConfig) string {
	t.Helper()
	data, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSchedulerRoundTrip(t *testing.T) {
	if len(cifar10Scheduler) != 256 {
		t.Fatalf("the text has %d bytes, want 256", len(cifar10Scheduler))
	}
	c, err := ParseScheduler([]byte(cifar10Scheduler))
	if err != nil {
		t.Fatal(err)
	}
	if c.VarianceType != "fixed_large" || c.PredictionType != "epsilon" || c.TimestepSpacing != "leading" || !c.ClipSample || c.ClipSampleRange != 1 {
		t.Errorf("parsed as %+v", c)
	}
	if got := schedulerText(t, c); got != cifar10Scheduler {
		t.Errorf("read and written:\n%s", got)
	}
	c.PredictionType = "v_prediction"
	want := strings.Replace(cifar10Scheduler, `  "trained`, "  \"prediction_type\": \"v_prediction\",\n  \"trained", 1)
	if got := schedulerText(t, c); got != want {
		t.Errorf("after a change:\n%s\nwant\n%s", got, want)
	}
}

func TestNewScheduler(t *testing.T) {
	for _, class := range []string{DDPMScheduler, DDIMScheduler} {
		c, err := NewScheduler(class)
		if err != nil {
			t.Fatal(err)
		}
		text := schedulerText(t, c)
		again, err := ParseScheduler([]byte(text))
		if err != nil || schedulerText(t, again) != text {
			t.Errorf("%s does not read back: %v\n%s", class, err, text)
		}
		if ddim := strings.Contains(text, "set_alpha_to_one"); ddim != (class == DDIMScheduler) {
			t.Errorf("%s: wrong keys:\n%s", class, text)
		}
	}
	if _, err := NewScheduler("ScoreSdeVeScheduler"); err == nil || !strings.Contains(err.Error(), `"ScoreSdeVeScheduler": supported are`) {
		t.Errorf("ScoreSdeVeScheduler: %v", err)
	}
}

func TestSetBetas(t *testing.T) {
	c, err := NewScheduler(DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	c.SetBetas("", 0, 0, []float64{0.25, 1.0 / 3, 0.5, 0.999})
	text := schedulerText(t, c)
	want := "\"trained_betas\": [\n    0.25,\n    0.3333333333333333,\n    0.5,\n    0.999\n  ]"
	if !strings.Contains(text, want) || !strings.Contains(text, `"num_train_timesteps": 4`) {
		t.Errorf("written as\n%s", text)
	}
	again, err := ParseScheduler([]byte(text))
	if err != nil || !slices.Equal(again.TrainedBetas, c.TrainedBetas) {
		t.Errorf("read as %v, %v", again, err)
	}
	c.SetBetas("scaled_linear", 0.001, 0.012, make([]float64, 1000))
	if text := schedulerText(t, c); !strings.Contains(text, `"scaled_linear"`) || !strings.Contains(text, `"trained_betas": null`) {
		t.Errorf("written as\n%s", text)
	}
	c.SetBetas("squaredcos_cap_v2", 0, 0, make([]float64, 100))
	if c.BetaSchedule != "squaredcos_cap_v2" || c.NumTrainTimesteps != 100 {
		t.Errorf("cosine became %+v", c)
	}
	c.ClassName = DDIMScheduler // which lacks sigmoid
	c.SetBetas("sigmoid", 0.1, 0.2, []float64{0.1, 0.2})
	if c.BetaSchedule != "linear" || len(c.TrainedBetas) != 2 {
		t.Errorf("sigmoid of DDIM became %+v", c)
	}
}

// TestSchedulersOfDiffusers reads and writes files that diffusers wrote for schedulers of every class: equal in every byte.
func TestSchedulersOfDiffusers(t *testing.T) {
	files, err := filepath.Glob("../sample/testdata/schedulers/*/scheduler_config.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseScheduler(text)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got := schedulerText(t, c); got != string(text) {
			t.Errorf("%s: written as\n%s", f, got)
		}
	}
}

// TestSamplerDefaults holds what samplers take for absent keys to diffusers' own.
func TestSamplerDefaults(t *testing.T) {
	for class, keys := range signatures.Classes {
		s, err := sampler.OfClass(class)
		if err != nil {
			continue // read, but refused by name when sampling
		}
		for key, preset := range keys {
			o := s.Defaults
			if preset == nil || !s.Reads(key) || key == "beta_schedule" {
				continue
			}
			text, err := json.Marshal(preset)
			if err != nil {
				t.Fatal(err)
			}
			before := fieldText(&o, key)
			if err := o.Set(key, text); err != nil {
				t.Errorf("%s: %v", class, err)
			}
			after := fieldText(&o, key)
			if before == "<nil>" { // left to the sampler: its table tells
				before, after = tableText(t, s, s.Defaults), tableText(t, s, o)
			}
			if after != before {
				t.Errorf("%s: key %q defaults to %s in diffusers, the sampler has another", class, key, text)
			}
		}
	}
}

// tableText is a sampler's table as text.
func tableText(t *testing.T, s *sampler.Sampler, o sampler.Options) string {
	t.Helper()
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(*table)
}

// fieldText is the value of an option.
func fieldText(o *sampler.Options, key string) string {
	v := reflect.ValueOf(o.Field(key))
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}

func TestSchedulerRefuses(t *testing.T) {
	for _, c := range []struct{ edit, with, want string }{
		{`"DDPMScheduler"`, `"ScoreSdeVeScheduler"`, `"_class_name" is "ScoreSdeVeScheduler"`},
		{`"linear"`, `"laplace"`, `key "beta_schedule" is "laplace": supported: linear, scaled_linear, squaredcos_cap_v2, sigmoid`},
		{`"fixed_large"`, `"learnt"`, `key "variance_type" is "learnt"`},
		{`"beta_start": 0.0001`, `"beta_start": 0`, `key "beta_start" is 0.0: supported: numbers above 0`},
		{`"beta_end": 0.02`, `"beta_end": 0`, `key "beta_end" is 0.0: supported: numbers above 0`},
		{`"clip_sample": true`, `"clip_sample": true, "prediction_type": "flow"`, `key "prediction_type" is "flow"`},
		{`"clip_sample": true`, `"clip_sample": true, "timestep_spacing": "karras"`, `key "timestep_spacing" is "karras"`},
		{`"clip_sample": true`, `"clip_sample": true, "karras_sigmas": true`, `key "karras_sigmas" is true: this key is not known`},
		{`"clip_sample": true`, `"clip_sample": "yes"`, `key "clip_sample" is "yes": want true or false`},
		{`"clip_sample": true`, `"clip_sample": true, "clip_sample_range": 0`, `key "clip_sample_range" is 0.0: supported: a positive number`},
		{`"clip_sample": true`, `"clip_sample": true, "clip_sample_range": -1`, `key "clip_sample_range" is -1`},
		{`"clip_sample": true`, `"clip_sample": true, "steps_offset": -1`, `key "steps_offset" is -1: supported: 0 to the number of timesteps`},
		{`"clip_sample": true`, `"clip_sample": true, "steps_offset": 1000`, `key "steps_offset" is 1000`},
		{`"clip_sample": true`, `"clip_sample": true, "predict_epsilon": false`, `key "predict_epsilon" is false`},
		{`"num_train_timesteps": 1000,
  "trained_betas": null`, `"num_train_timesteps": 2,
  "trained_betas": [0.1, 1.5]`, `"trained_betas" holds 1.5 at t = 1: want 0..1`},
		{`"num_train_timesteps": 1000,
  "trained_betas": null`, `"num_train_timesteps": 2,
  "trained_betas": [-0.1, 0.5]`, `"trained_betas" holds -0.1 at t = 0: want 0..1`},
		{`"trained_betas": null`, `"trained_betas": [0.1]`, `"trained_betas" has 1 items, "num_train_timesteps" is 1000`},
		{`"num_train_timesteps": 1000`, `"num_train_timesteps": 0`, `"num_train_timesteps" is 0`},
		{`"beta_end": 0.02`, `"beta_end": 2`, `"beta_end" is 2`},
	} {
		text := strings.Replace(cifar10Scheduler, c.edit, c.with, 1)
		if _, err := ParseScheduler([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %s", c.with, err, c.want)
		}
	}
	ddim := strings.Replace(strings.Replace(cifar10Scheduler, "DDPM", "DDIM", 1), `"linear"`, `"sigmoid"`, 1)
	if _, err := ParseScheduler([]byte(ddim)); err == nil || !strings.Contains(err.Error(), `"beta_schedule" is "sigmoid"`) {
		t.Errorf("DDIM with sigmoid: %v", err)
	}
}

func FuzzParseScheduler(f *testing.F) {
	f.Add([]byte(cifar10Scheduler))
	f.Add([]byte(`{"_class_name":"DDIMScheduler","num_train_timesteps":1,"trained_betas":[0.5]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseScheduler(data)
		if err != nil {
			return
		}
		text, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseScheduler(text); err != nil {
			t.Fatalf("own output does not parse: %v", err)
		}
	})
}
