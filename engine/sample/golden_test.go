package sample_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/internal/golden"
)

// samplerCase is one file of the folder samplers.
type samplerCase struct {
	Scheduler string
	Config    map[string]json.RawMessage
	Steps     int
	Kwargs    struct {
		Eta                   *float64
		UseClippedModelOutput bool `json:"use_clipped_model_output"`
	} `json:"step_kwargs"`
	Calls [][2]float64 `json:"net_calls_t_abar"`
}

// model returns a model that has nothing but the case's scheduler, read as from a file.
func (c *samplerCase) model(t *testing.T) *model.Model {
	t.Helper()
	c.Config["_class_name"], _ = json.Marshal(c.Scheduler)
	text, err := json.Marshal(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseScheduler(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.ProcessOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return &model.Model{Scheduler: s, Process: p}
}

// factor is the exact network's for data N(0, 0.5^2) at abar.
func factor(pred diffusion.Prediction, abar float64) float64 {
	const s2 = 0.25
	variance := abar*s2 + 1 - abar
	eps, x0 := math.Sqrt(1-abar)/variance, math.Sqrt(abar)*s2/variance
	switch pred {
	case diffusion.Sample:
		return x0
	case diffusion.VPrediction:
		return math.Sqrt(abar)*eps - math.Sqrt(1-abar)*x0
	}
	return eps
}

// rowsOfPixels turns N,C,H,W data into the chain's N,H,W,C, and back.
func rowsOfPixels(dst []float32, src []float64, shape []int) {
	n, c, pixels := shape[0], shape[1], shape[2]*shape[3]
	for i := range n {
		for ch := range c {
			for p := range pixels {
				dst[(i*pixels+p)*c+ch] = float32(src[(i*c+ch)*pixels+p])
			}
		}
	}
}

func planes(x []float32, shape []int) []float64 {
	n, c, pixels := shape[0], shape[1], shape[2]*shape[3]
	y := make([]float64, len(x))
	for i := range n {
		for ch := range c {
			for p := range pixels {
				y[(i*c+ch)*pixels+p] = float64(x[(i*pixels+p)*c+ch])
			}
		}
	}
	return y
}

// TestGoldenSamplers holds the float32 programs of every sampler, on the CPU and on the emulator, to diffusers' own schedulers in float64.
func TestGoldenSamplers(t *testing.T) {
	worst := map[string]float64{}
	device := onEmulator(t)
	golden.Samplers(t, func(t *testing.T, dir, name string) {
		var c samplerCase
		golden.ReadJSON(t, &c, dir, name+".json")
		m := c.model(t)
		table, err := sample.Table(m, sample.Method{Steps: c.Steps, Eta: c.Kwargs.Eta, UseClippedModelOutput: c.Kwargs.UseClippedModelOutput})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Calls) != len(table.Steps) {
			t.Fatalf("%d calls of the network, want %d", len(table.Steps), len(c.Calls))
		}
		machines := map[string]exec.Executor{"cpu": exec.NewCPU(exec.CPUOptions{Workers: 1})}
		if !testing.Short() || c.Steps <= 10 {
			machines["emulator"] = device
		}
		start, want := golden.ReadArray(t, dir, "x_T.npy"), golden.ReadArray(t, dir, name+".npy")
		limit := 5e-6
		if least := golden.Worst(c.stored(t, m, table, start), want.Data); least > limit {
			t.Logf("float32 states and outputs alone differ by %.2g: twice that is allowed", least)
			limit = 2 * least
		}
		for place, mach := range machines {
			d := golden.Worst(c.run(t, mach, m, table, start), want.Data)
			worst[place] = math.Max(worst[place], d)
			if !(d <= limit) {
				t.Errorf("%s: differs by %g", place, d)
			}
		}
	})
	t.Logf("worst difference on the CPU %.2g, on the emulator %.2g", worst["cpu"], worst["emulator"])
}

// stored runs the case in float64 with nothing rounded but what every float32 program stores: the state and the network's output. Some
// tables amplify that beyond any arithmetic: coefficients of 29 and -29 in dpmpp-o2-midpoint-beta-10.
func (c *samplerCase) stored(t *testing.T, m *model.Model, table *sampler.Table, start *golden.Array) []float64 {
	t.Helper()
	pred, err := m.Prediction()
	if err != nil {
		t.Fatal(err)
	}
	step, draws := 0, golden.NewRandomState(1)
	x, err := table.Run64(func(x []float64, _ float64) []float64 {
		k, out := factor(pred, c.Calls[step][1]), make([]float64, len(x))
		for i, v := range x {
			x[i] = float64(float32(v))
			out[i] = float64(float32(k * x[i]))
		}
		step++
		return out
	}, start.Data, start.Shape[0], func(_ int, dst []float64) { draws.Normals(dst) })
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// run draws the case's sample from its start, with its noise.
func (c *samplerCase) run(t *testing.T, mach exec.Executor, m *model.Model, table *sampler.Table, start *golden.Array) []float64 {
	t.Helper()
	pred, err := m.Prediction()
	if err != nil {
		t.Fatal(err)
	}
	s := start.Shape
	chain, err := sample.NewChain(mach, table, sample.ChainOptions{N: s[0], H: s[2], W: s[3], C: s[1], Denoise: linearNet(table), GivenZ: true})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	writeFactors(t, mach, table, func(i int) float64 { return factor(pred, c.Calls[i][1]) })
	noise, draws, z := make([]float32, len(start.Data)), golden.NewRandomState(1), make([]float64, len(start.Data))
	rowsOfPixels(noise, start.Data, s)
	x, err := chain.Run(context.Background(), 0, 0, noise, sample.Hooks{Z: func(_ int, dst []float32) error {
		draws.Normals(z)
		rowsOfPixels(dst, z, s)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return planes(x, s)
}
