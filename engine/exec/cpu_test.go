package exec_test

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

func dense(n, h, w, c int) kernels.Spec { return kernels.Dense(kernels.F32, n, h, w, c) }

func add(g *graph.Graph, a, b kernels.Value) kernels.Value {
	return kernels.Emit1(g, elementwise.Add{Alpha: 1, Beta: 1}, a, b)
}

func compile(t *testing.T, g *graph.Graph) *graph.Program {
	t.Helper()
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// failing is an operator whose kernel panics.
type failing struct{ elementwise.Scale }

func (failing) Name() string { return "failing" }

// TestPanickingKernel ends a run with an error that names program, step and operator.
func TestPanickingKernel(t *testing.T) {
	g := graph.New()
	g.Output("y", kernels.Emit1(g, failing{}, g.Input("x", dense(1, 1, 1, 8))))
	r, err := exec.NewCPU(exec.CPUOptions{}).Load(compile(t, g))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(&kernels.StepState{}); err == nil || err.Error() != "program test, step 0, operator failing: internal error: out of paper" {
		t.Errorf("error %v", err)
	}
}

func nothing(*kernels.Call) {}

func init() {
	kernels.Register(failing{}, kernels.Reference(nothing, nothing),
		kernels.Func("cpu", 1, "test", "for a test", nil, nil, func(kernels.Queue, *kernels.Call) error { panic("out of paper") }))
}

// TestBufferTypes refuses floats for integers and the other way round, and what lies outside.
func TestBufferTypes(t *testing.T) {
	m := exec.NewCPU(exec.CPUOptions{})
	for name, s := range map[string]kernels.Spec{"floats": kernels.Vector(kernels.F32, 4), "ints": kernels.Vector(kernels.I32, 4)} {
		if err := m.Persistent(name, s); err != nil {
			t.Fatal(err)
		}
	}
	for want, err := range map[string]error{
		`"ints" is i32`:                 m.Write("ints", 0, make([]float32, 1)),
		`"floats" is f32`:               m.ReadInts("floats", 0, make([]int32, 1)),
		`outside persistent buffer`:     m.Read("floats", 8, make([]float32, 1)),
		`no persistent buffer "none"`:   m.WriteInts("none", 0, nil),
		`"floats" is f32[1,1,1,4], not`: m.Persistent("floats", kernels.Vector(kernels.F32, 5)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}
