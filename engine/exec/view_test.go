package exec_test

import (
	"slices"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// TestInputView writes an input of padded pixels in the executor's own memory, several times
// without waiting: each run sees what was committed before it. An executor in float64 offers no
// such memory.
func TestInputView(t *testing.T) {
	spec := kernels.Dense(kernels.F32, 2, 1, 2, 3)
	g := graph.New()
	x := g.Input("x", spec)
	y := kernels.Emit1(g, elementwise.Add{Alpha: 1, Beta: 1}, x, x)
	g.Output("y", y)
	p, err := g.Compile("double")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []exec.Executor{exec.NewCPU(exec.CPUOptions{Workers: 1}), device(t)} {
		r, err := m.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		got, want := make([]float32, spec.Elements()), make([]float32, spec.Elements())
		for run := range 3 {
			view, err := r.InputView("x")
			if err != nil || len(view) != spec.Span() {
				t.Fatalf("%s: a view of %d elements, expected %d; error %v", m.Name(), len(view), spec.Span(), err)
			}
			for i := range want {
				value := float32(100*run + i)
				view[i/spec.C*spec.Pitch+i%spec.C], want[i] = value, 2*value
			}
			if err := r.Commit("x"); err != nil {
				t.Fatal(err)
			}
			if err := r.Run(&kernels.StepState{}); err != nil {
				t.Fatal(err)
			}
			if run == 1 {
				continue // the next input is written while this run may be under way
			}
			if err := r.Get("y", got); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, run %d: %v, %v, expected %v", m.Name(), run, got, err, want)
			}
		}
		if _, err := r.InputView("z"); err == nil {
			t.Errorf("%s: a view of an input that the program lacks", m.Name())
		}
	}
	r, err := exec.NewCPU(exec.CPUOptions{Double: true}).Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if view, err := r.InputView("x"); view != nil || err != nil {
		t.Errorf("float64: a view of %d elements, error %v", len(view), err)
	}
}
