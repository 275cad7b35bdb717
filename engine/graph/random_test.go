package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/linear"
	"github.com/unnoise/unnoise/kernels/loss"
	"github.com/unnoise/unnoise/kernels/norm"
)

// randomGraph builds a small graph: a pool of tensors of one size and different widths that random operators join, slice, add and
// transform, each result going back to the pool, so that values have several readers of all kinds; then a loss and all gradients.
type randomGraph struct {
	*graph.Graph
	rng    *rand.Rand
	pool   []kernels.Value
	leaves []kernels.Value
	names  []string
	sliced map[int]bool
}

const side = 3 // pixels of a tensor's side

func (r *randomGraph) leaf(s kernels.Spec) kernels.Value {
	name := fmt.Sprintf("w%d", len(r.leaves))
	v := leaf(r.Graph, name, s)
	r.leaves, r.names = append(r.leaves, v), append(r.names, name)
	return v
}

func (r *randomGraph) pick() kernels.Value { return r.pool[r.rng.IntN(len(r.pool))] }

// like returns a tensor of the pool with the width of another, absent if there is none but that.
func (r *randomGraph) like(v kernels.Value) kernels.Value {
	for _, i := range r.rng.Perm(len(r.pool)) {
		if o := r.pool[i]; o.ID != v.ID && o.Spec.SameShape(v.Spec) {
			return o
		}
	}
	return kernels.Value{}
}

func (r *randomGraph) grow() {
	x := r.pick()
	c := x.Spec.C
	width := []int{c, 4, 5, 8, 16}[r.rng.IntN(5)]
	var y kernels.Value
	switch r.rng.IntN(9) {
	case 0:
		if y = r.like(x); y.Ok() {
			y = add(r.Graph, x, y)
		}
	case 1:
		if y = r.like(x); y.Ok() {
			y = kernels.Emit1(r.Graph, elementwise.Multiply{}, x, y)
		}
	case 2:
		y = kernels.Emit1(r.Graph, elementwise.Scale{Factor: 0.7}, x)
	case 3:
		y = kernels.Emit1(r.Graph, elementwise.Activation{Kind: elementwise.SiLU}, x)
	case 4:
		res := kernels.Value{}
		if width == c {
			res = r.like(x)
		}
		y = kernels.Emit1(r.Graph, linear.Linear{}, x, r.leaf(dense(width, 1, 1, c)), r.leaf(dense(1, 1, 1, width)), res)
	case 5:
		res := kernels.Value{}
		if width == c {
			res = x
		}
		y = kernels.Emit1(r.Graph, conv.Conv2D{Geometry: conv.Same(3)}, x, r.leaf(dense(width, 3, 3, c)), kernels.Value{}, kernels.Value{}, res)
	case 6:
		y = r.Concat(x, r.pick())
	case 7:
		if c > 2 && !r.sliced[x.ID] { // overlapping slices are refused
			r.sliced[x.ID] = true
			from := r.rng.IntN(c - 1)
			y = r.Slice(x, from, 1+r.rng.IntN(c-from-1))
		}
	case 8:
		y = kernels.Emit1(r.Graph, norm.GroupNorm{Groups: 1, Eps: 1e-3, Activation: elementwise.SiLU}, x, r.leaf(dense(1, 1, 1, c)), r.leaf(dense(1, 1, 1, c)))
	}
	if y.Ok() && y.Spec.C <= 64 {
		r.pool = append(r.pool, y)
	}
}

// build makes graph number seed; the gradients are persistent, grad0 and so on.
func build(seed uint64) *randomGraph {
	r := &randomGraph{Graph: graph.New(), rng: rand.New(rand.NewPCG(seed, 17)), sliced: map[int]bool{}}
	for _, c := range []int{8, 5, 8} {
		r.pool = append(r.pool, r.leaf(dense(2, side, side, c)))
	}
	for range 14 {
		r.grow()
	}
	n := len(r.pool)
	y := r.Concat(r.pool[n-1], r.pool[n-2], r.pool[n-3])
	l := kernels.Emit1(r.Graph, loss.Loss{Kind: loss.MSE}, y, r.Persistent("target", dense(2, side, side, y.Spec.C)))
	for i, d := range r.Backward(l, r.leaves) {
		if d.Ok() {
			r.Assign(r.Persistent(fmt.Sprintf("grad%d", i), r.leaves[i].Spec), d, false)
		}
	}
	r.Assign(r.Persistent("value", dense(1, 1, 1, 1)), l, false)
	r.Output("loss", kernels.Emit1(r.Graph, elementwise.Scale{Factor: 1}, l))
	return r
}

// evaluate runs a graph on a machine and returns the loss and the gradients, nil where there is none.
func (r *randomGraph) evaluate(t *testing.T, m exec.Executor, p *graph.Program) (float64, [][]float32) {
	t.Helper()
	l := output(t, run(t, m, p), "loss")
	grads := make([][]float32, len(r.leaves))
	for i, v := range r.leaves {
		if p.Find(graph.Persistent, fmt.Sprintf("grad%d", i)) >= 0 {
			grads[i] = make([]float32, v.Spec.Span())
			if err := m.Read(fmt.Sprintf("grad%d", i), 0, grads[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return float64(l[0]), grads
}

// TestRandomGraphs holds random graphs to the same on different machines: with dead memory poisoned every bit is equal; the
// reference in float64 agrees to float32's precision; the gradient is that of central differences.
func TestRandomGraphs(t *testing.T) {
	graphs := uint64(3000)
	if testing.Short() {
		graphs = 300
	}
	for seed := range graphs {
		r := build(seed)
		p, err := r.Compile(fmt.Sprintf("graph %d", seed))
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, p)
		l, grads := r.evaluate(t, exec.NewCPU(exec.CPUOptions{Workers: 2}), p)
		pl, poisoned := r.evaluate(t, exec.NewCPU(exec.CPUOptions{Workers: 2, Poison: true}), p)
		double := exec.NewCPU(exec.CPUOptions{Double: true, Poison: true})
		dl, want := r.evaluate(t, double, p)
		if l != pl || math.Abs(l-dl) > 1e-4*(1+math.Abs(dl)) {
			t.Fatalf("graph %d: loss %g, poisoned %g, reference %g", seed, l, pl, dl)
		}
		for i, g := range grads {
			if far := distance(g, want[i]); !(far <= 1e-3) {
				t.Fatalf("graph %d, gradient of %s %s: %g from the reference\n%s", seed, r.names[i], r.leaves[i].Spec, far, operators(p))
			}
			for k := range g {
				if g[k] != poisoned[i][k] {
					t.Fatalf("graph %d, gradient of %s: element %d is %g, poisoned %g", seed, r.names[i], k, g[k], poisoned[i][k])
				}
			}
		}
		r.differences(t, double, p, seed)
	}
}

// distance is the difference of two tensors over the size of the second, or over 1 where that is less.
func distance(got, want []float32) float64 {
	var diff, size float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		diff += d * d
		size += float64(w) * float64(w)
	}
	return math.Sqrt(diff) / math.Max(1, math.Sqrt(size))
}

// differences compares the gradients with a central difference along a random direction of all leaves together.
func (r *randomGraph) differences(t *testing.T, m *exec.CPU, p *graph.Program, seed uint64) {
	t.Helper()
	runner, err := m.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	value := func() float64 {
		if err := runner.Run(&kernels.StepState{LossScale: 1}); err != nil {
			t.Fatal(err)
		}
		return m.Floats("value")[0]
	}
	move := func(h float64, dir [][]float64) {
		for i, name := range r.names {
			for k, x := range m.Floats(name) {
				m.Floats(name)[k] = x + h*dir[i][k]
			}
		}
	}
	value()
	analytic, size := 0.0, 0.0
	dir := make([][]float64, len(r.leaves))
	for i, v := range r.leaves {
		dir[i] = make([]float64, v.Spec.Span())
		grad := m.Floats(fmt.Sprintf("grad%d", i))
		for k := range dir[i] {
			if k%v.Spec.Pitch < v.Spec.C && grad != nil {
				dir[i][k] = r.rng.NormFloat64()
				analytic += dir[i][k] * grad[k]
				size += math.Abs(dir[i][k] * grad[k])
			}
		}
	}
	const h = 1e-6
	move(h, dir)
	up := value()
	move(-2*h, dir)
	down := value()
	move(h, dir)
	if finite := (up - down) / (2 * h); !(math.Abs(finite-analytic) <= 1e-5*math.Max(1, size)) {
		t.Fatalf("graph %d: gradient %.9g, central difference %.9g\n%s", seed, analytic, finite, operators(p))
	}
}

func device(t testing.TB) *exec.Device {
	t.Helper()
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestDeviceRandomGraphs holds random graphs with their gradients on the emulator, every check on, to the CPU.
func TestDeviceRandomGraphs(t *testing.T) {
	graphs := uint64(100)
	if testing.Short() {
		graphs = 5
	}
	for seed := range graphs {
		r := build(seed)
		p, err := r.Compile(fmt.Sprintf("graph %d", seed))
		if err != nil {
			t.Fatal(err)
		}
		want, wantGrads := r.evaluate(t, exec.NewCPU(exec.CPUOptions{Workers: 2}), p)
		m := device(t)
		got, grads := r.evaluate(t, m, p)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
			t.Fatalf("graph %d: loss %g, on the CPU %g", seed, got, want)
		}
		for i, g := range grads {
			if far := distance(logical(g, r.leaves[i].Spec), logical(wantGrads[i], r.leaves[i].Spec)); !(far <= 1e-4) {
				t.Fatalf("graph %d, gradient of %s %s: %g from the CPU's\n%s", seed, r.names[i], r.leaves[i].Spec, far, operators(p))
			}
		}
	}
}

// logical leaves the pads out.
func logical(x []float32, s kernels.Spec) []float32 {
	var list []float32
	for i, v := range x {
		if i%s.Pitch < s.C {
			list = append(list, v)
		}
	}
	return list
}
