package eval

import (
	"context"
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/kernels/rng"
)

func swissroll(t *testing.T, set ...string) (*model.Model, []float32) {
	t.Helper()
	r, err := recipe.Preset("swissroll", append([]string{"network.hidden=16", "network.layers=2", "network.time_embed_dim=16", "data.num_points=300", "diffusion.schedule.timesteps=12"}, set...))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Weights { // the output layer begins at zero
		m.Weights[i] += 0.05 * float32(math.Sin(float64(i)))
	}
	points, err := data.Generate(r.Data.Source, r.Data.NumPoints, r.Data.Seed, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m, points.Values()
}

// TestBoundOfPoints compares the bound, measured by draws, with its closed form: the optimum for the point set plus the
// network's measured excess.
func TestBoundOfPoints(t *testing.T) {
	for _, set := range [][]string{{}, {"diffusion.prediction=epsilon", "diffusion.variance=fixed_small"}, {"diffusion.prediction=sample"}} {
		m, points := swissroll(t, set...)
		mach := exec.NewCPU(exec.CPUOptions{Workers: 2})
		var measured []float64
		var overSamples float64 // standard error of one measurement, the choice of points included
		const repeats, n, draws = 4, 300, 4096
		for seed := range uint64(repeats) {
			x := &model.Images{N: n, H: 1, W: 1, C: 2, Data: points[:2*n]}
			rep, err := Bound(context.Background(), m, mach, x, nil, BoundOptions{Batch: 256, Seed: seed, Continuous: true})
			if err != nil {
				t.Fatal(err)
			}
			measured, overSamples = append(measured, rep.BitsPerDim), rep.StandardError
		}
		want, err := PointsBound(context.Background(), m, mach, points, draws, 77)
		if err != nil {
			t.Fatal(err)
		}
		mean, spread := 0.0, 0.0
		for _, x := range measured {
			mean += x / repeats
		}
		for _, x := range measured {
			spread += (x - mean) * (x - mean) / (repeats - 1)
		}
		allowed := 4 * math.Sqrt(spread/repeats+overSamples*overSamples*n/draws) // the closed form's excess is measured, too
		if d := math.Abs(mean - want.Optimum - want.Excess); d > allowed {
			t.Errorf("%v: measured %.5f bits/dim, closed form %.5f + %.5f: off by %.5f, allowed %.5f", set, mean, want.Optimum, want.Excess, d, allowed)
		}
		_ = mach.Close()
	}
}

// TestBoundOfImages checks the report's sums, that batches do not change it, and that a shorter chain costs more bits.
func TestBoundOfImages(t *testing.T) {
	r, err := recipe.Preset("fashion-mnist", []string{"network.sample_size=8", "network.block_out_channels=[8,16]",
		`network.down_block_types=["DownBlock2D","DownBlock2D"]`, `network.up_block_types=["UpBlock2D","UpBlock2D"]`,
		"network.norm_num_groups=4", "network.layers_per_block=1", "diffusion.schedule.timesteps=20", "diffusion.schedule.beta_end=0.4"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	mach := exec.NewCPU(exec.CPUOptions{Workers: 2})
	defer mach.Close()
	x := model.NewImages(5, 8, 8, 1)
	rng.FillUniform(x.Data, 3, 0, 0, 0)
	for i := range x.Data {
		x.Data[i] = float32(math.Round(float64(x.Data[i])*255))/127.5 - 1
	}
	whole, err := Bound(context.Background(), m, mach, x, nil, BoundOptions{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Bound(context.Background(), m, mach, x, nil, BoundOptions{Seed: 5, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(whole.BitsPerDim-parts.BitsPerDim) > 1e-6 || whole.Samples != 5 || whole.Dimensions != 64 || whole.Steps != 20 {
		t.Errorf("batches of 2 give %v bits/dim, one batch %v", parts.BitsPerDim, whole.BitsPerDim)
	}
	sum := whole.Prior
	for i := len(whole.Terms) - 1; i >= 0; i-- {
		if math.Abs(whole.Terms[i].Rate-sum) > 1e-9 {
			t.Errorf("rate at t = %d is %v, expected %v", whole.Terms[i].T, whole.Terms[i].Rate, sum)
		}
		sum += whole.Terms[i].Bits
	}
	if math.Abs(sum-whole.BitsPerDim) > 1e-9 || math.Abs(whole.Rate+whole.Decoder-sum) > 1e-9 {
		t.Errorf("terms add up to %v, the report says %v", sum, whole.BitsPerDim)
	}
	short, err := Bound(context.Background(), m, mach, x, nil, BoundOptions{Seed: 5, Steps: "5"})
	if err != nil {
		t.Fatal(err)
	}
	if short.Steps != 5 || short.BitsPerDim < whole.BitsPerDim {
		t.Errorf("5 steps take %v bits/dim, 20 steps %v", short.BitsPerDim, whole.BitsPerDim)
	}
	for _, steps := range []string{"1", "21", "ddim99", "x"} {
		if _, err := Bound(context.Background(), m, mach, x, nil, BoundOptions{Steps: steps}); err == nil {
			t.Errorf("steps %q: expected an error", steps)
		}
	}
}
