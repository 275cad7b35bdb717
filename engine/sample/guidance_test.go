package sample_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn/unet2d"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels/rng"
)

// conditional makes a small network of three classes and a null label, with weights large enough that labels show.
func conditional(t *testing.T, null bool) *model.Model {
	t.Helper()
	cfg := unet2d.DefaultConfig()
	cfg.SampleSize, cfg.InChannels, cfg.OutChannels = unet2d.SampleSize{H: 4, W: 4}, 1, 1
	cfg.BlockOutChannels, cfg.LayersPerBlock, cfg.NormNumGroups = []int{8, 8}, 1, 4
	cfg.DownBlockTypes, cfg.UpBlockTypes = []string{"DownBlock2D", "DownBlock2D"}, []string{"UpBlock2D", "UpBlock2D"}
	classes, last := 4, 3
	cfg.NumClassEmbeds = &classes
	if null {
		cfg.NullLabel = &last
	}
	sched, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(cfg, sched, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Weights {
		m.Weights[i] += 0.2 * float32(math.Sin(float64(i)))
	}
	return m
}

// TestGuidance holds a guided DDIM chain to the formula: eps = u + w (c - u) of two predictions, step by step.
func TestGuidance(t *testing.T) {
	m := conditional(t, true)
	const n, weight = 5, 2.5
	table, err := sample.Table(m, sample.Method{Name: "ddim", Steps: 4})
	if err != nil {
		t.Fatal(err)
	}
	mach := exec.NewCPU(exec.CPUOptions{})
	labels, noise := []int32{0, 1, 2, 1, 0}, model.NewImages(n, m.H, m.W, m.C)
	rng.FillNormal(noise.Data, 9, 0, 0, 1)
	draw := func(batch int, w float64, labels []int32) *model.Images {
		x, err := sample.Draw(context.Background(), m, mach, sample.Options{N: n, Batch: batch, Noise: noise, Table: table, Guidance: w, Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	guided, want := draw(n, weight, labels), byHand(t, m, mach, table, noise, labels, weight)
	same(t, "the formula", guided, want, 1e-4)
	same(t, "batches of 2", draw(2, weight, labels), guided, 1e-5)
	null := []int32{3, 3, 3, 3, 3}
	same(t, "null labels, which nothing guides", draw(n, weight, null), draw(n, 1, null), 1e-5)
	if rel := relL2(guided.Data, draw(n, 1, labels).Data); rel < 1e-3 {
		t.Errorf("guidance changes the samples by %g: the test shows nothing", rel)
	}
}

// byHand runs the chain on predictions of Predict, from the given noise.
func byHand(t *testing.T, m *model.Model, mach exec.Executor, table *sampler.Table, noise *model.Images, labels []int32, w float64) *model.Images {
	t.Helper()
	x := model.NewImages(noise.N, noise.H, noise.W, noise.C)
	copy(x.Data, noise.Data)
	predict := func(step int, labels []int32) []float32 {
		times := make([]float32, x.N)
		for i := range times {
			times[i] = float32(table.Steps[step].T)
		}
		y, err := m.Predict(mach, model.Batch{X: x, T: times, Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		return y.Data
	}
	null := make([]int32, x.N)
	for i := range null {
		null[i] = int32(m.Signature.Labels().Null)
	}
	for k, s := range table.Steps {
		c, u := predict(k, labels), predict(k, null)
		for i, v := range x.Data {
			eps := float64(u[i]) + w*(float64(c[i])-float64(u[i]))
			x0 := min(max(s.X0X*float64(v)+s.X0Out*eps, -table.Clip), table.Clip)
			x.Data[i] = float32(s.Next.X0*x0 + s.Next.X*float64(v) + s.Next.Out*eps)
		}
	}
	return x
}

func same(t *testing.T, what string, got, want *model.Images, tolerance float64) {
	t.Helper()
	if rel := relL2(got.Data, want.Data); !(rel <= tolerance) {
		t.Errorf("%s: relative L2 error %g, want %g at most", what, rel, tolerance)
	}
}

func TestGuidanceRefused(t *testing.T) {
	plain, dropped := conditional(t, false), conditional(t, true)
	for _, tt := range []struct {
		m     *model.Model
		w     float64
		label int32
		want  string
	}{
		{plain, 2, 0, "train.label_dropout"},
		{dropped, math.NaN(), 0, "finite"},
		{dropped, 2, 4, "label 4: want 0..3"},
	} {
		_, err := sample.Draw(context.Background(), tt.m, exec.NewCPU(exec.CPUOptions{}),
			sample.Options{N: 1, Labels: []int32{tt.label}, Guidance: tt.w})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("guidance %g, label %d: error %v, want one with %q", tt.w, tt.label, err, tt.want)
		}
	}
}
