package graph_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/linear"
	"github.com/unnoise/unnoise/kernels/loss"
)

func dense(n, h, w, c int) kernels.Spec { return kernels.Dense(kernels.F32, n, h, w, c) }

// leaf declares a persistent tensor of its own that is differentiated.
func leaf(g *graph.Graph, name string, s kernels.Spec) kernels.Value {
	return g.View(g.Persistent(name, s), name, 0, s, true)
}

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

// run loads a program, fills its persistent buffers with numbers that depend on the name alone, and runs it once a state.
func run(t *testing.T, m exec.Executor, p *graph.Program, states ...kernels.StepState) exec.LoadedProgram {
	t.Helper()
	r, err := m.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range p.Buffers {
		if b.Kind != graph.Persistent || strings.HasPrefix(b.Name, "grad") {
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(len(b.Name)), uint64(b.Name[len(b.Name)-1])))
		v := make([]float32, b.Elements())
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		if err := m.Write(b.Name, 0, v); err != nil {
			t.Fatal(err)
		}
	}
	if len(states) == 0 {
		states = []kernels.StepState{{LossScale: 1}}
	}
	for i := range states {
		if err := r.Run(&states[i]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func output(t *testing.T, r exec.LoadedProgram, name string) []float32 {
	t.Helper()
	p := r.Program()
	v := make([]float32, p.Buffers[p.Find(graph.Output, name)].Spec.Elements())
	if err := r.Get(name, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// operators lists the operators of a program in order.
func operators(p *graph.Program) string {
	var names []string
	for _, s := range p.Steps {
		names = append(names, s.Op.Name())
	}
	return strings.Join(names, " ")
}

func TestDeadCode(t *testing.T) {
	g := graph.New()
	x := g.Input("x", dense(1, 1, 1, 8))
	kept := kernels.Emit1(g, elementwise.Scale{Factor: 2}, x)
	dead := kernels.Emit1(g, elementwise.Scale{Factor: 3}, x)
	add(g, dead, kept)
	late := kernels.Emit1(g, elementwise.Activation{Kind: elementwise.SiLU}, kept)
	g.Assign(g.Persistent("state", dense(1, 1, 1, 8)), kernels.Emit1(g, elementwise.Multiply{}, kept, kept), false)
	g.Output("y", late)
	p := compile(t, g)
	if got := operators(p); got != "scale activation multiply" {
		t.Errorf("program %q", got)
	}
	if _, err := graph.New().Compile("nothing"); err == nil || !strings.Contains(err.Error(), "program nothing: the program does nothing") {
		t.Errorf("an empty graph: %v", err)
	}
}

// TestConcatPlacement counts the copies that concatenation needs, and reads the result.
func TestConcatPlacement(t *testing.T) {
	for _, c := range []struct {
		name   string
		widths []int
		parts  func(g *graph.Graph, vs []kernels.Value) []kernels.Value
		copies int
	}{
		{"producers write their slices", []int{8, 16, 8}, nil, 0},
		{"a misaligned place is copied to", []int{5, 8}, nil, 1},
		{"a persistent tensor is copied", []int{8, 8}, func(g *graph.Graph, vs []kernels.Value) []kernels.Value {
			return []kernels.Value{vs[0], g.Persistent("p", vs[1].Spec)}
		}, 1},
		{"the second of two places is copied to", []int{8}, func(_ *graph.Graph, vs []kernels.Value) []kernels.Value {
			return []kernels.Value{vs[0], vs[0]}
		}, 1},
		{"a concatenation inside another", []int{8, 8, 8}, func(g *graph.Graph, vs []kernels.Value) []kernels.Value {
			return []kernels.Value{g.Concat(vs[0], vs[1]), vs[2]}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			var vs []kernels.Value
			for i, w := range c.widths {
				vs = append(vs, kernels.Emit1(g, elementwise.Scale{Factor: float64(i + 1)}, g.Persistent(fmt.Sprintf("x%d", i), dense(2, 1, 2, w))))
			}
			if c.parts != nil {
				vs = c.parts(g, vs)
			}
			var want []kernels.Value
			for _, v := range vs { // read before and after: a placed value stays what it was
				want = append(want, kernels.Emit1(g, elementwise.Scale{Factor: 1}, v))
			}
			joined := g.Concat(vs...)
			g.Output("joined", kernels.Emit1(g, elementwise.Scale{Factor: 1}, joined))
			at := 0
			for i, v := range vs {
				g.Output(fmt.Sprintf("want%d", i), want[i])
				g.Output(fmt.Sprintf("got%d", i), kernels.Emit1(g, elementwise.Scale{Factor: 1}, g.Slice(joined, at, v.Spec.C)))
				at += v.Spec.C
			}
			p := compile(t, g)
			if n := strings.Count(operators(p), "copy"); n != c.copies {
				t.Errorf("%d copies, expected %d: %s", n, c.copies, operators(p))
			}
			r := run(t, exec.NewCPU(exec.CPUOptions{Workers: 1, Poison: true}), p)
			for i := range vs {
				equal(t, fmt.Sprintf("part %d", i), output(t, r, fmt.Sprintf("got%d", i)), output(t, r, fmt.Sprintf("want%d", i)))
			}
		})
	}
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %g, expected %g", what, i, got[i], want[i])
		}
	}
}

// TestSliceGradientGaps reads two slices of a tensor: what no slice reads has gradient zero.
func TestSliceGradientGaps(t *testing.T) {
	g := graph.New()
	x := leaf(g, "x", dense(2, 1, 1, 24))
	low, high := g.Slice(x, 2, 5), g.Slice(x, 16, 4)
	y := g.Concat(kernels.Emit1(g, elementwise.Scale{Factor: 2}, low), kernels.Emit1(g, elementwise.Scale{Factor: 3}, high))
	seed := g.Persistent("seed", dense(2, 1, 1, 9))
	d := g.VectorJacobian([]kernels.Value{y}, []kernels.Value{seed}, []kernels.Value{x})
	g.Output("d", d[0])
	g.Output("s", kernels.Emit1(g, elementwise.Scale{Factor: 1}, seed))
	r := run(t, exec.NewCPU(exec.CPUOptions{Workers: 1, Poison: true}), compile(t, g))
	got, s := output(t, r, "d"), output(t, r, "s")
	want := make([]float32, len(got))
	for n := range 2 {
		for c := range 9 {
			if c < 5 {
				want[n*24+2+c] = 2 * s[n*9+c]
			} else {
				want[n*24+16+c-5] = 3 * s[n*9+c]
			}
		}
	}
	equal(t, "gradient", got, want)
}

// TestSharedGradient sums gradients where an operator hands one tensor on as the gradient of two inputs: adding to it in place for
// one of them must not change the other's.
func TestSharedGradient(t *testing.T) {
	g := graph.New()
	s := dense(3, 1, 1, 8)
	a, b, w := leaf(g, "a", s), leaf(g, "b", s), g.Persistent("w", dense(8, 1, 1, 8))
	z := kernels.Emit1(g, linear.Linear{}, add(g, a, b), w)
	seed := g.Persistent("seed", s)
	d := g.VectorJacobian([]kernels.Value{add(g, z, a)}, []kernels.Value{seed}, []kernels.Value{a, b})
	g.Output("da", d[0])
	g.Output("db", d[1])
	g.Output("dz", kernels.Emit1(g, linear.LinearDgrad{}, seed, w))
	g.Output("s", kernels.Emit1(g, elementwise.Scale{Factor: 1}, seed))
	r := run(t, exec.NewCPU(exec.CPUOptions{Workers: 1, Poison: true}), compile(t, g))
	dz, v := output(t, r, "dz"), output(t, r, "s")
	equal(t, "db", output(t, r, "db"), dz)
	for i := range v {
		v[i] += dz[i]
	}
	equal(t, "da", output(t, r, "da"), v)
}

// TestResidualFusion adds the second contribution to a gradient in the operator that makes it.
func TestResidualFusion(t *testing.T) {
	g := graph.New()
	s := dense(3, 1, 1, 8)
	x, w := leaf(g, "x", s), g.Persistent("w", dense(8, 1, 1, 8))
	y := kernels.Emit1(g, linear.Linear{}, x, w, kernels.Value{}, x)
	d := g.VectorJacobian([]kernels.Value{y}, []kernels.Value{g.Persistent("seed", s)}, []kernels.Value{x})
	g.Output("d", d[0])
	p := compile(t, g)
	if got := operators(p); got != "linear_dgrad" {
		t.Errorf("program %q, expected the sum inside linear_dgrad", got)
	}
	if in := p.Steps[0].In; len(in) < 3 || in[2].Buffer != p.Find(graph.Persistent, "seed") {
		t.Errorf("the residual of linear_dgrad is not the gradient that y passes on: %v", in)
	}
}

// TestAssignAccumulates runs three micro-batches: the first overwrites, the others add; directly, and through a copy where
// something else reads the value or its producer cannot add.
func TestAssignAccumulates(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(g *graph.Graph, x kernels.Value) kernels.Value
		ops  string
	}{
		{"direct", func(g *graph.Graph, x kernels.Value) kernels.Value {
			return kernels.Emit1(g, elementwise.SumRows{PerImage: true}, x)
		}, "sum_rows"},
		{"producer cannot add", func(g *graph.Graph, x kernels.Value) kernels.Value {
			return kernels.Emit1(g, elementwise.Scale{Factor: 1}, x)
		}, "scale copy"},
		{"read by another", func(g *graph.Graph, x kernels.Value) kernels.Value {
			v := kernels.Emit1(g, elementwise.SumRows{PerImage: true}, x)
			g.Output("copy", kernels.Emit1(g, elementwise.Scale{Factor: 1}, v))
			return v
		}, "sum_rows scale copy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			s := dense(2, 1, 1, 8)
			x := g.Persistent("x", s)
			g.Assign(g.Persistent("grad", s), c.make(g, x), true)
			p := compile(t, g)
			if got := operators(p); got != c.ops {
				t.Errorf("program %q, expected %q", got, c.ops)
			}
			m := exec.NewCPU(exec.CPUOptions{Workers: 1})
			for range 2 { // the second step starts afresh
				run(t, m, p, kernels.StepState{Micro: 0}, kernels.StepState{Micro: 1}, kernels.StepState{Micro: 2})
				got, one := make([]float32, 16), make([]float32, 16)
				if err := m.Read("grad", 0, got); err != nil {
					t.Fatal(err)
				}
				if err := m.Read("x", 0, one); err != nil {
					t.Fatal(err)
				}
				for i := range one {
					one[i] = one[i] + one[i] + one[i]
				}
				equal(t, "sum of three", got, one)
			}
		})
	}
}

// TestAssignBehindReaders assigns to a tensor that its new value is computed from, and that is read once more after that.
func TestAssignBehindReaders(t *testing.T) {
	g := graph.New()
	s := dense(1, 1, 1, 8)
	x := g.Persistent("x", s)
	next := kernels.Emit1(g, elementwise.Scale{Factor: 2}, x)
	g.Output("before", kernels.Emit1(g, elementwise.Scale{Factor: 1}, x))
	g.Assign(x, next, false)
	m := exec.NewCPU(exec.CPUOptions{Workers: 1})
	before := output(t, run(t, m, compile(t, g)), "before")
	after := make([]float32, 8)
	if err := m.Read("x", 0, after); err != nil {
		t.Fatal(err)
	}
	for i := range before {
		before[i] *= 2
	}
	equal(t, "x", after, before)
}

// TestGraphRefuses lists what is refused while a graph is built, with what the message names.
func TestGraphRefuses(t *testing.T) {
	s := dense(2, 1, 1, 8)
	for want, build := range map[string]func(g *graph.Graph, x kernels.Value){
		"operator add on f32[2,1,1,8], f32[2,1,1,9]": func(g *graph.Graph, x kernels.Value) { add(g, x, g.Input("y", dense(2, 1, 1, 9))) },
		"channels 4..10": func(g *graph.Graph, x kernels.Value) { g.Slice(x, 4, 6) },
		"concat of":      func(g *graph.Graph, x kernels.Value) { g.Concat(x, g.Input("y", dense(3, 1, 1, 8))) },
		"lies outside":   func(g *graph.Graph, x kernels.Value) { g.View(x, "v", 8, s, false) },
		"declared twice": func(g *graph.Graph, x kernels.Value) { g.Input("x", dense(1, 1, 1, 8)) },
		"impossible":     func(g *graph.Graph, x kernels.Value) { g.Input("y", kernels.Spec{}) },
		"is absent":      func(g *graph.Graph, x kernels.Value) { g.Output("y", kernels.Value{}) },
		"assignment of":  func(g *graph.Graph, x kernels.Value) { g.Assign(g.Persistent("p", dense(1, 1, 1, 8)), x, false) },
		`added to "p" already and assigned to "q"`: func(g *graph.Graph, x kernels.Value) {
			v := kernels.Emit1(g, elementwise.SumRows{PerImage: true}, x)
			g.Assign(g.Persistent("p", s), v, true)
			g.Assign(g.Persistent("q", s), v, true)
		},
		"overlapping slices": func(g *graph.Graph, x kernels.Value) {
			l := leaf(g, "l", s)
			y := add(g, g.Slice(l, 0, 5), g.Slice(l, 2, 5))
			g.VectorJacobian([]kernels.Value{y}, []kernels.Value{g.Persistent("seed", y.Spec)}, []kernels.Value{l})
		},
		"operator scale cannot begin a backward pass": func(g *graph.Graph, x kernels.Value) {
			l := leaf(g, "l", s)
			mean := g.Emit(loss.Loss{}, l, x)[0]
			g.Backward(kernels.Emit1(g, elementwise.Scale{Factor: 2}, mean), []kernels.Value{l})
		},
	} {
		g := graph.New()
		build(g, g.Input("x", s))
		if _, err := g.Compile("test"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}
