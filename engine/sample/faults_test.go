package sample_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
)

// tableOf makes the table of a directory whose scheduler file has these keys.
func tableOf(t *testing.T, keys map[string]any, method sample.Method) (*sampler.Table, error) {
	t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(directory(t, string(text)), false)
	if err != nil {
		t.Fatal(err)
	}
	return sample.Table(m, method)
}

func mustTable(t *testing.T, keys map[string]any, method sample.Method) *sampler.Table {
	t.Helper()
	table, err := tableOf(t, keys, method)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestClippedNoiseEstimate: where x_0 is clipped, ddim's noise estimate is that of the prediction before, on the output and not on x_0.
func TestClippedNoiseEstimate(t *testing.T) {
	table := mustTable(t, map[string]any{"_class_name": "DDIMScheduler"}, sample.Method{Steps: 10})
	if s := table.Steps[0]; table.Clip != 1 || s.Next.X != 0 || s.Next.Out == 0 {
		t.Errorf("clip %g, first step %+v", table.Clip, s.Next)
	}
}

// TestModelSpacing: every sampler takes the spacing and the offset of the file; the offset has no effect on other spacings.
func TestModelSpacing(t *testing.T) {
	for _, tt := range []struct {
		class, method string
		keys          map[string]any
		first, last   float64
	}{
		{"DDPMScheduler", "ddpm", map[string]any{}, 900, 0},
		{"DDPMScheduler", "ddpm", map[string]any{"timestep_spacing": "trailing"}, 999, 99},
		{"DDPMScheduler", "ddpm", map[string]any{"steps_offset": 1}, 901, 1},
		{"DDPMScheduler", "", map[string]any{"timestep_spacing": "trailing", "steps_offset": 1}, 999, 99},
		{"DDIMScheduler", "", map[string]any{"timestep_spacing": "linspace", "steps_offset": 1}, 999, 0},
		{"DDIMScheduler", "ddpm", map[string]any{"timestep_spacing": "trailing"}, 999, 99},
		{"DDPMScheduler", "euler", map[string]any{"timestep_spacing": "trailing"}, 999, 99},
	} {
		tt.keys["_class_name"] = tt.class
		table := mustTable(t, tt.keys, sample.Method{Name: tt.method, Steps: 10})
		if first, last := table.Steps[0].T, table.Steps[len(table.Steps)-1].T; first != tt.first || last != tt.last {
			t.Errorf("%v with --sampler %q: timesteps %g..%g, want %g..%g", tt.keys, tt.method, first, last, tt.first, tt.last)
		}
	}
}

// TestDefaultSteps: all timesteps for ddpm, 50 for ddim, 20 for the fast ones.
func TestDefaultSteps(t *testing.T) {
	for class, want := range map[string]int{"DDPMScheduler": 1000, "DDIMScheduler": 50, "DPMSolverMultistepScheduler": 20,
		"UniPCMultistepScheduler": 20, "EulerDiscreteScheduler": 20} {
		if n := mustTable(t, map[string]any{"_class_name": class}, sample.Method{}).SampleSteps(); n != want {
			t.Errorf("%s: %d steps, want %d", class, n, want)
		}
	}
}

// TestSchedulerBeside: the network's own folder takes the scheduler of its pipeline; without any, the assumption is said.
func TestSchedulerBeside(t *testing.T) {
	dir := t.TempDir()
	copyNetwork(t, filepath.Join(dir, "unet"))
	writeScheduler(t, dir, `{"_class_name": "DDIMScheduler", "num_train_timesteps": 500}`)
	m, err := model.Load(filepath.Join(dir, "unet"), false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Scheduler.ClassName != "DDIMScheduler" || m.Process.Timesteps() != 500 || m.Assumed != "" {
		t.Errorf("%s of %d timesteps, assumed: %q", m.Scheduler.ClassName, m.Process.Timesteps(), m.Assumed)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	copyNetwork(t, alone)
	if m, err = model.Load(alone, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Assumed, "no scheduler_config.json") || !strings.Contains(m.Assumed, "1000 timesteps") {
		t.Errorf("assumed: %q", m.Assumed)
	}
}

func copyNetwork(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(peers, "unet"))); err != nil {
		t.Fatal(err)
	}
}

// TestLatentPipelines: pipelines that decode what the network denoises are refused for samples, also through the network's folder, and
// predict.
func TestLatentPipelines(t *testing.T) {
	for part, refused := range map[string]bool{`["diffusers", "VQModel"]`: true, `[null, null]`: false} {
		dir := t.TempDir()
		copyNetwork(t, filepath.Join(dir, "unet"))
		writeScheduler(t, dir, `{"_class_name": "DDIMScheduler"}`)
		index := fmt.Sprintf(`{"_class_name": "LDMPipeline", "unet": ["diffusers", "UNet2DModel"], "vqvae": %s}`, part)
		if err := os.WriteFile(filepath.Join(dir, "model_index.json"), []byte(index), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{dir, filepath.Join(dir, "unet")} {
			m, err := model.Load(path, false)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sample.Table(m, sample.Method{})
			if refused && (err == nil || !strings.Contains(err.Error(), "vqvae (VQModel)")) || !refused && err != nil {
				t.Errorf("vqvae %s: error %v", part, err)
			}
			x := images(t, filepath.Join(peers, "x_T.npy"))
			if _, err := m.Predict(exec.NewCPU(exec.CPUOptions{}), model.Batch{X: x, T: make([]float32, x.N)}); err != nil {
				t.Errorf("predict: %v", err)
			}
		}
	}
}

// TestUnsupportedScheduler: samples are refused by the scheduler's name, predictions need none.
func TestUnsupportedScheduler(t *testing.T) {
	m, err := model.Load(directory(t, `{"_class_name": "ScoreSdeVeScheduler", "snr": 0.15}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sample.Table(m, sample.Method{}); err == nil || !strings.Contains(err.Error(), "ScoreSdeVeScheduler") {
		t.Errorf("error %v", err)
	}
	x := images(t, filepath.Join(peers, "x_T.npy"))
	if _, err := m.Predict(exec.NewCPU(exec.CPUOptions{}), model.Batch{X: x, T: make([]float32, x.N)}); err != nil {
		t.Error(err)
	}
}

// TestEveryKey sets every key of DDPMScheduler and DDIMScheduler to another value: the table changes, or the key is refused by name, or the
// key is known to say nothing about it; leftovers of other schedulers pass, unknown keys do not.
func TestEveryKey(t *testing.T) {
	other := map[string]any{"num_train_timesteps": 500, "beta_start": 0.001, "beta_end": 0.03, "beta_schedule": "scaled_linear",
		"trained_betas": ramp(1000), "variance_type": "fixed_large", "clip_sample": false, "prediction_type": "v_prediction", "thresholding": true,
		"clip_sample_range": 2.0, "timestep_spacing": "trailing", "steps_offset": 1, "rescale_betas_zero_snr": true, "set_alpha_to_one": false}
	conditional := map[string]any{"dynamic_thresholding_ratio": 0.9, "sample_max_value": 3.0} // with thresholding
	for _, class := range []string{checkpoint.DDPMScheduler, checkpoint.DDIMScheduler} {
		base := map[string]any{"_class_name": class}
		plain := numbers(t, base)
		for _, key := range checkpoint.SchedulerKeys(class) {
			with := maps.Clone(base)
			before := plain
			switch v, ok := conditional[key]; {
			case ok:
				with["thresholding"] = true
				before = numbers(t, with)
				with[key] = v
			case other[key] == nil:
				t.Errorf("%s: the sweep has no value for key %q", class, key)
				continue
			default:
				with[key] = other[key]
				if key == "rescale_betas_zero_snr" { // says nothing about epsilon at abar 0
					with["prediction_type"], with["timestep_spacing"] = "v_prediction", "trailing"
					before = numbers(t, map[string]any{"_class_name": class, "prediction_type": "v_prediction", "timestep_spacing": "trailing"})
				}
			}
			if numbers(t, with) == before {
				t.Errorf("%s: key %q = %v changes nothing", class, key, with[key])
			}
		}
		for key, refused := range map[string]bool{"use_karras_sigmas": false, "skip_prk_steps": false, "interpolation_type": false, "karras": true} {
			with := maps.Clone(base)
			with[key] = true
			_, err := tableOf(t, with, sample.Method{Steps: 10})
			if refused && (err == nil || !strings.Contains(err.Error(), key)) || !refused && err != nil {
				t.Errorf("%s: key %q: error %v", class, key, err)
			}
		}
	}
	for _, refused := range []map[string]any{{"beta_start": 0}, {"beta_end": 0}, {"variance_type": "learned_range"}, {"beta_schedule": "laplace"},
		{"prediction_type": "flow"}, {"timestep_spacing": "karras"}, {"_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true}} {
		keys := maps.Clone(refused)
		if keys["_class_name"] == nil {
			keys["_class_name"] = checkpoint.DDPMScheduler
		}
		_, err := tableOf(t, keys, sample.Method{Steps: 10})
		for key := range refused {
			if key != "_class_name" && (err == nil || !strings.Contains(err.Error(), key)) {
				t.Errorf("%v: error %v", refused, err)
			}
		}
	}
}

func ramp(n int) []float64 {
	betas := make([]float64, n)
	for i := range betas {
		betas[i] = 0.002 + 0.01*math.Pow(float64(i)/float64(n), 2)
	}
	return betas
}

// numbers is everything about a table that decides samples, as text.
func numbers(t *testing.T, keys map[string]any) string {
	t.Helper()
	table := *mustTable(t, keys, sample.Method{Steps: 10})
	table.Name = ""
	threshold := ""
	if table.Threshold != nil {
		threshold = fmt.Sprint(*table.Threshold)
	}
	table.Threshold = nil
	return fmt.Sprint(table, threshold)
}
