package sample_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
)

const networks = "../testdata/golden"

func images(t *testing.T, path string) *model.Images {
	t.Helper()
	d, err := npy.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.FromDense(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func relL2(got, want []float32) float64 {
	var e, s float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		e += d * d
		s += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(e / s)
}

// TestDDIMGolden holds ten steps of DDIM from a given x_T to diffusers'.
func TestDDIMGolden(t *testing.T) {
	m, err := model.Load(filepath.Join(networks, "ho"), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"leading", "clipped", "trailing-v"} {
		t.Run(name, func(t *testing.T) {
			var s struct {
				ClipSample      bool   `json:"clip_sample"`
				PredictionType  string `json:"prediction_type"`
				TimestepSpacing string `json:"timestep_spacing"`
			}
			text, err := os.ReadFile(filepath.Join(networks, "ddim", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			m.Scheduler.ClipSample, m.Scheduler.PredictionType = s.ClipSample, s.PredictionType
			table, err := sample.Table(m, sample.Method{Name: "ddim", Steps: 10, Spacing: sampler.Spacing(s.TimestepSpacing),
				UseClippedModelOutput: true})
			if err != nil {
				t.Fatal(err)
			}
			noise := images(t, filepath.Join(networks, "ddim", "x_T.npy"))
			got, err := sample.Draw(context.Background(), m, exec.NewCPU(exec.CPUOptions{}), sample.Options{N: noise.N, Noise: noise, Table: table})
			if err != nil {
				t.Fatal(err)
			}
			rel := relL2(got.Data, images(t, filepath.Join(networks, "ddim", name+".npy")).Data)
			t.Logf("relative L2 error %.3g", rel)
			if !(rel <= 1e-3) {
				t.Error("too far from diffusers' sample")
			}
		})
	}
}

// TestBatchSplit draws the same samples in batches of 3 and of 10.
func TestBatchSplit(t *testing.T) {
	m, err := model.Load(filepath.Join(networks, "garment"), false)
	if err != nil {
		t.Fatal(err)
	}
	table, err := sample.Table(m, sample.Method{Name: "ddpm", Steps: 8})
	if err != nil {
		t.Fatal(err)
	}
	var all [2]*model.Images
	for i, batch := range []int{3, 10} {
		all[i], err = sample.Draw(context.Background(), m, exec.NewCPU(exec.CPUOptions{}), sample.Options{N: 10, Batch: batch, Seed: 5, Table: table})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range all[0].Data {
		if d := math.Abs(float64(all[0].Data[i] - all[1].Data[i])); !(d <= 1e-5) {
			t.Fatalf("element %d differs by %g", i, d)
		}
	}
}

// TestGaussianChain holds the shipped sampler with the exact denoiser of standard normal data to its closed-form result: the
// final variance of the chain (oracles for the linear schedule of 1000 steps), within four standard errors.
func TestGaussianChain(t *testing.T) {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: "linear", Timesteps: 1000, BetaStart: 1e-4, BetaEnd: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, sampler, variance string
		steps                   int
		want                    float64 // variance
	}{
		{"ancestral, small variance", "ddpm", "fixed_small", 1000, .9910673763521608},
		{"ancestral, large variance", "ddpm", "fixed_large", 1000, .9998999999993335},
		{"ddim 10", "ddim", "", 10, .8316958768283756 * .8316958768283756},
		{"ddim 50", "ddim", "", 50, .9640792714550708 * .9640792714550708},
		{"ddim 100", "ddim", "", 100, .981850834569559 * .981850834569559},
		{"ddim 1000", "ddim", "", 1000, .9981242939976004 * .9981242939976004},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			samples := 1 << 20
			if c.steps == 1000 && testing.Short() {
				samples = 1 << 14
			}
			s, err := sampler.Lookup(c.sampler)
			if err != nil {
				t.Fatal(err)
			}
			o := s.Defaults
			o.Steps, o.ClipSample, o.VarianceType = c.steps, false, c.variance
			table, err := s.Table(p, o)
			if err != nil {
				t.Fatal(err)
			}
			variance := gaussianVariance(t, p, table, samples)
			tol := 4 * c.want * math.Sqrt(2/float64(samples))
			t.Logf("variance %.6f, closed form %.6f, tolerance %.6f", variance, c.want, tol)
			if !(math.Abs(variance-c.want) <= tol) {
				t.Error("outside four standard errors")
			}
		})
	}
}

// linearNet emits a network whose output is factors[step] x, as an update with a table of its own.
func linearNet(table *sampler.Table) sample.Denoiser {
	return func(g *graph.Graph, x, _ kernels.Value) kernels.Value {
		return kernels.Emit1(g, update.ReverseUpdate{}, x, x, g.Persistent(factorName(table), factorSpec(table)))
	}
}

func factorSpec(table *sampler.Table) kernels.Spec {
	return kernels.Dense(kernels.F32, len(table.Steps), 1, 1, update.UpdateColumns)
}

func factorName(table *sampler.Table) string { return fmt.Sprintf("factors/%d", len(table.Steps)) }

// writeFactors fills what linearNet reads.
func writeFactors(t *testing.T, mach exec.Executor, table *sampler.Table, factor func(step int) float64) {
	t.Helper()
	spec := factorSpec(table)
	rows := make([]float32, spec.Span())
	for i := range table.Steps {
		rows[i*spec.Pitch+update.CX] = float32(factor(i))
	}
	if err := mach.Write(factorName(table), 0, rows); err != nil {
		t.Fatal(err)
	}
}

// gaussianVariance runs a chain with eps*(x,t) = sqrt(1-abar_t) x, the exact denoiser of N(0,1) data.
func gaussianVariance(t *testing.T, p *diffusion.Process, table *sampler.Table, samples int) float64 {
	t.Helper()
	const channels = 8
	mach := exec.NewCPU(exec.CPUOptions{})
	chain, err := sample.NewChain(mach, table, sample.ChainOptions{N: samples / channels, H: 1, W: 1, C: channels, Denoise: linearNet(table)})
	if err != nil {
		t.Fatal(err)
	}
	writeFactors(t, mach, table, func(i int) float64 { return math.Sqrt(1 - p.AlphasCumprod[int(table.Steps[i].T)]) })
	x, err := chain.Run(context.Background(), 1, 0, nil, sample.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	var sum, sq float64
	for _, v := range x {
		sum += float64(v)
		sq += float64(v) * float64(v)
	}
	n := float64(len(x))
	if mean := sum / n; math.Abs(mean) > 4/math.Sqrt(n) {
		t.Errorf("mean %g is not zero", mean)
	}
	return sq / n
}
