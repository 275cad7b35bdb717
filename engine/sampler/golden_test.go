package sampler

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/internal/golden"
)

// samplerCase is one file of the folder samplers.
type samplerCase struct {
	Scheduler string
	Config    map[string]json.RawMessage
	Steps     int
	Kwargs    struct {
		Eta                   *float64
		UseClippedModelOutput *bool `json:"use_clipped_model_output"`
	} `json:"step_kwargs"`
	Calls [][2]float64 `json:"net_calls_t_abar"`
}

func (c *samplerCase) decode(t *testing.T, key string, v any) {
	t.Helper()
	if raw, ok := c.Config[key]; ok {
		if err := json.Unmarshal(raw, v); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

func (c *samplerCase) process(t *testing.T) *diffusion.Process {
	t.Helper()
	s := diffusion.Schedule{Kind: diffusion.Linear}
	c.decode(t, "beta_schedule", &s.Kind)
	c.decode(t, "num_train_timesteps", &s.Timesteps)
	c.decode(t, "beta_start", &s.BetaStart)
	c.decode(t, "beta_end", &s.BetaEnd)
	var betas []float64
	if c.decode(t, "trained_betas", &betas); betas != nil {
		p, err := diffusion.ProcessFromBetas(betas)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, err := diffusion.NewProcess(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (c *samplerCase) table(t *testing.T, p *diffusion.Process) (*Table, Options) {
	t.Helper()
	s, err := OfClass(c.Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	o := s.Defaults
	o.Steps, o.Rule = c.Steps, Diffusers
	for key, value := range c.Config {
		if s.Reads(key) {
			if err := o.Set(key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c.Kwargs.Eta != nil {
		o.Eta = *c.Kwargs.Eta
	}
	if c.Kwargs.UseClippedModelOutput != nil {
		o.UseClippedModelOutput = *c.Kwargs.UseClippedModelOutput
	}
	table, err := s.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return table, o
}

// gaussianNet is the exact network for data N(0, 0.5^2) and the schedule as it is, not rescaled.
func gaussianNet(p *diffusion.Process, o *Options) func(x []float64, t float64) []float64 {
	const s2 = 0.25
	sigmas := newSigmaTable(p, &Options{})
	return func(x []float64, t float64) []float64 {
		sigma := sigmas.at(t)
		abar := 1 / (1 + sigma*sigma)
		if t == math.Trunc(t) {
			abar = p.AlphasCumprod[int(t)]
		}
		variance := abar*s2 + 1 - abar
		out := make([]float64, len(x))
		for i, v := range x {
			eps, x0 := math.Sqrt(1-abar)*v/variance, math.Sqrt(abar)*s2*v/variance
			switch o.PredictionType {
			case diffusion.Epsilon:
				out[i] = eps
			case diffusion.Sample:
				out[i] = x0
			case diffusion.VPrediction:
				out[i] = math.Sqrt(abar)*eps - math.Sqrt(1-abar)*x0
			}
		}
		return out
	}
}

// TestGoldenSamplers holds every table to diffusers' own schedulers.
func TestGoldenSamplers(t *testing.T) {
	worst := 0.0
	golden.Samplers(t, func(t *testing.T, dir, name string) {
		var c samplerCase
		golden.ReadJSON(t, &c, dir, name+".json")
		p := c.process(t)
		table, o := c.table(t, p)
		for i, call := range c.Calls {
			if i >= len(table.Steps) {
				t.Fatalf("%d calls, expected %d", len(table.Steps), len(c.Calls))
			}
			if got := table.Steps[i].T; math.Abs(got-call[0]) > 1e-6 {
				t.Errorf("call %d is at t = %v, expected %v", i, got, call[0])
			}
		}
		start := golden.ReadArray(t, dir, "x_T.npy")
		want := golden.ReadArray(t, dir, name+".npy")
		draws := golden.NewRandomState(1)
		got, err := table.Run64(gaussianNet(p, &o), start.Data, start.Shape[0],
			func(_ int, dst []float64) { draws.Normals(dst) })
		if err != nil {
			t.Fatal(err)
		}
		d := golden.Worst(got, want.Data)
		worst = math.Max(worst, d)
		if !(d <= 1e-6) {
			t.Errorf("differs by %g", d)
		}
	})
	t.Logf("worst difference %.2g", worst)
}
