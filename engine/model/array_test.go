package model_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// TestFromDense converts there and back, and refuses what does not lie in memory as its shape says.
func TestFromDense(t *testing.T) {
	data := make([]float32, 2*3*4*5)
	for i := range data {
		data[i] = float32(i)
	}
	d := tensor.New(tensor.WithShape(2, 3, 4, 5), tensor.WithBacking(data))
	m, err := model.FromDense(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Data[((1*4+2)*5+3)*3+1]; m.N != 2 || m.C != 3 || m.H != 4 || m.W != 5 || got != float32(((1*3+1)*4+2)*5+3) {
		t.Errorf("%dx%dx%dx%d, element %g", m.N, m.C, m.H, m.W, got)
	}
	for i, v := range m.Dense(false).Data().([]float32) {
		if v != data[i] {
			t.Fatalf("element %d is %g after a round trip", i, v)
		}
	}
	view, err := d.Slice(nil, nil, nil, tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	turned := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data[:6]))
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]*tensor.Dense{"materialize": view.(*tensor.Dense), "transposed": turned,
		"want float32": tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Float64)), "(N,C,H,W) or (N,D)": tensor.New(tensor.WithShape(3), tensor.Of(tensor.Float32))} {
		if _, err := model.FromDense(bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, expected one with %q", err, name)
		}
	}
}

// TestSampleWithoutPlan draws with the default sampler: DDPM over all timesteps, one sample.
func TestSampleWithoutPlan(t *testing.T) {
	m, err := model.Load(filepath.Join(golden, "garment"), false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Process, err = diffusion.NewProcess(diffusion.Schedule{Kind: "linear", Timesteps: 3}); err != nil {
		t.Fatal(err)
	}
	steps := 0
	x, err := m.Sample(context.Background(), graph.NewCPU(graph.CPUOptions{}), model.SampleOptions{N: 1, After: func(int, int, *model.Images) error {
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

// TestChainsOfOneMachine runs two chains of the same length and shape in turn: each follows its own plan.
func TestChainsOfOneMachine(t *testing.T) {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: "linear", Timesteps: 20})
	if err != nil {
		t.Fatal(err)
	}
	half := func(g *graph.Graph, x, _ kernels.Value) kernels.Value {
		return kernels.Emit1(g, elementwise.Scale{Factor: 0.5}, x)
	}
	chain := func(mach graph.Machine, s diffusion.Spacing) *model.Chain {
		plan, err := diffusion.NewDDIMPlan(p, diffusion.Epsilon, 4, 0, s, 0)
		if err != nil {
			t.Fatal(err)
		}
		c, err := model.NewChain(mach, plan, 2, 1, 1, 3, half)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	draw := func(c *model.Chain) []float32 {
		x, err := c.Run(context.Background(), 1, 0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want := draw(chain(graph.NewCPU(graph.CPUOptions{}), diffusion.Leading))
	mach := graph.NewCPU(graph.CPUOptions{})
	first, second := chain(mach, diffusion.Leading), chain(mach, diffusion.Trailing)
	draw(second)
	for i, v := range draw(first) {
		if v != want[i] {
			t.Fatalf("element %d is %g beside another chain, %g alone", i, v, want[i])
		}
	}
}
