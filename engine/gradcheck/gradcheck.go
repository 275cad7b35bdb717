// Package gradcheck compares the gradients that operators emit with finite differences, in float64 on the reference kernels. Tests and
// `unnoise check` use it.
package gradcheck

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
)

// DifferentiableOutputs is implemented by operators whose gradient takes other outputs than the first into account.
type DifferentiableOutputs interface{ Differentiable() []int }

// Error is the result of comparing an operator's gradient with finite differences.
type Error struct {
	Op, Case string
	Input    int
	Analytic float64
	Finite   float64
	Relative float64
}

// Check compares the gradients that an operator emits with central differences of its reference, both in float64, for
// a case: along random directions of each input that is marked for it. It returns the largest relative error.
func Check(cs kernels.Case) (Error, error) {
	worst := Error{Op: cs.Op.Name(), Case: cs.Name, Input: -1}
	m := exec.NewCPU(exec.CPUOptions{Workers: 1, Double: true, Poison: true})
	f, err := newDirectional(m, cs)
	if err != nil {
		return worst, fmt.Errorf("%s, case %q: %w", cs.Op.Name(), cs.Name, err)
	}
	rng := rand.New(rand.NewPCG(7, 11))
	for i, in := range cs.In {
		if in.Spec == nil || !in.Grad {
			continue
		}
		for range 3 {
			a, d, err := f.compare(i, rng)
			if err != nil {
				return worst, err
			}
			if rel := math.Abs(a-d) / math.Max(1e-3, math.Max(math.Abs(a), math.Abs(d))); rel >= worst.Relative || math.IsNaN(rel) {
				worst.Input, worst.Analytic, worst.Finite, worst.Relative = i, a, d, rel
			}
		}
	}
	return worst, nil
}

// directional evaluates a case's projection and its gradient.
type directional struct {
	m                 *exec.CPU
	cs                kernels.Case
	forward, backward exec.LoadedProgram
	outs              []int
	specs             []kernels.Spec
	state             kernels.StepState
}

func inputName(i int) string { return fmt.Sprintf("x%d", i) }

// newDirectional builds two programs: the outputs, and the gradients of sum <output, seed>.
func newDirectional(m *exec.CPU, cs kernels.Case) (*directional, error) {
	d := &directional{m: m, cs: cs, state: cs.State, outs: []int{0}}
	if d.state.LossScale == 0 {
		d.state.LossScale = 1
	}
	if o, ok := cs.Op.(DifferentiableOutputs); ok {
		d.outs = o.Differentiable()
	}
	g := graph.New()
	outs := g.Emit(cs.Op, d.inputs(g)...)
	for k, o := range d.outs {
		if g.Err() == nil {
			d.specs = append(d.specs, outs[o].Spec)
			name := fmt.Sprintf("y%d", k)
			g.Assign(g.Persistent(name, outs[o].Spec), outs[o], false)
		}
	}
	p, err := g.Compile("forward")
	if err != nil {
		return nil, err
	}
	if d.forward, err = m.Load(p); err != nil {
		return nil, err
	}
	g = graph.New()
	in := d.inputs(g)
	outs = g.Emit(cs.Op, in...)
	var ys, seeds []kernels.Value
	for k, o := range d.outs {
		ys = append(ys, outs[o])
		seeds = append(seeds, g.Persistent(fmt.Sprintf("seed%d", k), d.specs[k]))
	}
	var wrt []kernels.Value
	for i, x := range cs.In {
		if x.Spec != nil && x.Grad {
			wrt = append(wrt, in[i])
		}
	}
	ds := g.VectorJacobian(ys, seeds, wrt)
	k := 0
	for i, x := range cs.In {
		if x.Spec == nil || !x.Grad {
			continue
		}
		if !ds[k].Ok() && g.Err() == nil {
			return nil, fmt.Errorf("no gradient for input %d", i)
		}
		g.Assign(g.Persistent(fmt.Sprintf("d%d", i), *x.Spec), ds[k], false)
		k++
	}
	if p, err = g.Compile("backward"); err != nil {
		return nil, err
	}
	if d.backward, err = m.Load(p); err != nil {
		return nil, err
	}
	return d, d.fill()
}

// inputs declares the operands as persistent buffers, trainable where the case asks for gradients.
func (d *directional) inputs(g *graph.Graph) []kernels.Value {
	in := make([]kernels.Value, len(d.cs.In))
	for i, x := range d.cs.In {
		if x.Spec == nil {
			continue
		}
		base := g.Persistent(inputName(i), *x.Spec)
		in[i] = g.View(base, inputName(i), 0, *x.Spec, x.Grad)
	}
	return in
}

// fill draws the operands and the seeds.
func (d *directional) fill() error {
	rng := rand.New(rand.NewPCG(3, 5))
	for i, x := range d.cs.In {
		if x.Spec == nil {
			continue
		}
		if x.Spec.DType == kernels.I32 {
			v := make([]int32, x.Spec.Span())
			for k := range v {
				v[k] = int32(x.Lo + math.Floor((x.Hi-x.Lo)*rng.Float64()))
			}
			if err := d.m.WriteInts(inputName(i), 0, v); err != nil {
				return err
			}
			continue
		}
		v := d.m.Floats(inputName(i))
		for k := range v {
			switch x.Fill {
			case kernels.Uniform:
				v[k] = x.Lo + (x.Hi-x.Lo)*rng.Float64()
			case kernels.Zeros:
				v[k] = 0
			default:
				v[k] = rng.NormFloat64()
			}
		}
	}
	for k := range d.outs {
		v := d.m.Floats(fmt.Sprintf("seed%d", k))
		for i := range v {
			v[i] = rng.NormFloat64()
		}
	}
	return nil
}

// project returns sum <output, seed>.
func (d *directional) project() (float64, error) {
	if err := d.forward.Run(&d.state); err != nil {
		return 0, err
	}
	sum := 0.0
	for k := range d.outs {
		sum += inner(d.specs[k], d.m.Floats(fmt.Sprintf("y%d", k)), d.m.Floats(fmt.Sprintf("seed%d", k)))
	}
	return sum, nil
}

// inner is the inner product of two tensors of one shape and pitch, padding left out.
func inner(s kernels.Spec, a, b []float64) float64 {
	sum := 0.0
	for row := range s.Rows() {
		for c := range s.C {
			sum += a[row*s.Pitch+c] * b[row*s.Pitch+c]
		}
	}
	return sum
}

// compare returns the analytic derivative and the central difference along a random direction of input i.
func (d *directional) compare(i int, rng *rand.Rand) (analytic, finite float64, err error) {
	s := *d.cs.In[i].Spec
	x := d.m.Floats(inputName(i))
	dir := make([]float64, len(x))
	for k := range dir {
		dir[k] = rng.NormFloat64()
	}
	if err := d.backward.Run(&d.state); err != nil {
		return 0, 0, err
	}
	analytic = inner(s, d.m.Floats(fmt.Sprintf("d%d", i)), dir)
	keep := append([]float64(nil), x...)
	const h = 1e-6
	var f [2]float64
	for k, sign := range []float64{h, -h} {
		for j := range x {
			x[j] = keep[j] + sign*dir[j]
		}
		if f[k], err = d.project(); err != nil {
			return 0, 0, err
		}
	}
	copy(x, keep)
	return analytic, (f[0] - f[1]) / (2 * h), nil
}
