package sample_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// TestSampleWithoutTable draws with the default sampler: DDPM over all timesteps, one sample.
func TestSampleWithoutTable(t *testing.T) {
	m, err := model.Load(filepath.Join(networks, "garment"), false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Process, err = diffusion.NewProcess(diffusion.Schedule{Kind: "linear", Timesteps: 3}); err != nil {
		t.Fatal(err)
	}
	steps := 0
	x, err := sample.Draw(context.Background(), m, exec.NewCPU(exec.CPUOptions{}), sample.Options{N: 1, After: func(int, int, *model.Images) error {
		steps++
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if x.N != 1 || steps != 3 {
		t.Errorf("%d samples in %d steps", x.N, steps)
	}
}

// plainTable is a sampler's table without clipping.
func plainTable(p *diffusion.Process, name string, steps int, spacing sampler.Spacing) (*sampler.Table, error) {
	s, err := sampler.Lookup(name)
	if err != nil {
		return nil, err
	}
	o := s.Defaults
	o.Steps, o.TimestepSpacing, o.ClipSample = steps, spacing, false
	return s.Table(p, o)
}

// TestChainsOfOneMachine runs two chains of the same length and shape in turn: each follows its own plan.
func TestChainsOfOneMachine(t *testing.T) {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: "linear", Timesteps: 20})
	if err != nil {
		t.Fatal(err)
	}
	half := func(g *graph.Graph, x, _ kernels.Value) kernels.Value {
		return kernels.Emit1(g, elementwise.Scale{Factor: 0.5}, x)
	}
	chain := func(mach exec.Executor, s sampler.Spacing) *sample.Chain {
		table, err := plainTable(p, "ddim", 4, s)
		if err != nil {
			t.Fatal(err)
		}
		c, err := sample.NewChain(mach, table, sample.ChainOptions{N: 2, H: 1, W: 1, C: 3, Denoise: half})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	draw := func(c *sample.Chain) []float32 {
		x, err := c.Run(context.Background(), 1, 0, nil, sample.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want := draw(chain(exec.NewCPU(exec.CPUOptions{}), sampler.Leading))
	mach := exec.NewCPU(exec.CPUOptions{})
	first, second := chain(mach, sampler.Leading), chain(mach, sampler.Trailing)
	draw(second)
	for i, v := range draw(first) {
		if v != want[i] {
			t.Fatalf("element %d is %g beside another chain, %g alone", i, v, want[i])
		}
	}
}
