package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/loss"
)

// Batch is what a network is called with.
type Batch struct {
	X      *Images
	T      []float32 // N timesteps or noise levels
	Labels []int32   // N class numbers for the condition "labels", or nil
	// Vectors are the conditions of other kinds by name: N vectors, or N sequences of vectors.
	Vectors map[string][]float32
}

// GradsBuffer is the persistent buffer of the gradients, laid out as the weights.
const GradsBuffer = "grads"

// LoadWeights puts the weights on a machine.
func (m *Model) LoadWeights(mach exec.Executor) error {
	if err := mach.Persistent(nn.WeightsBuffer, kernels.Vector(kernels.F32, m.Params.Size())); err != nil {
		return err
	}
	if err := mach.Write(nn.WeightsBuffer, 0, m.Weights); err != nil {
		return err
	}
	return m.Round(mach, nn.WeightsBuffer)
}

// Context returns the context of a program that reads the weights in a persistent buffer, in the model's type.
func (m *Model) Context(g *graph.Graph, buffer string, train bool) *nn.Context {
	if m.DType == kernels.BF16 {
		return nn.NewBF16Context(g, m.Params, buffer, train)
	}
	return nn.NewContext(g, m.Params, buffer, train)
}

// Round renews the bf16 copy of a buffer of weights, which must be done when the buffer has changed; without effect in float32 mode.
func (m *Model) Round(mach exec.Executor, buffer string) error {
	if m.DType != kernels.BF16 {
		return nil
	}
	g := graph.New()
	flat := kernels.Vector(kernels.F32, m.Params.Size())
	rounded := kernels.Emit1(g, elementwise.Cast{To: kernels.BF16}, g.Persistent(buffer, flat))
	g.Assign(g.Persistent(nn.RoundedBuffer(buffer), flat.WithDType(kernels.BF16)), rounded, false)
	p, err := g.Compile("round " + buffer)
	if err != nil {
		return err
	}
	r, err := mach.Load(p)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Run(&kernels.StepState{})
}

// check holds a batch to what the network takes.
func (m *Model) check(b Batch) error {
	if b.X.C != m.C {
		return fmt.Errorf("samples have %d channels, the network takes %d", b.X.C, m.C)
	}
	if err := m.Signature.Fits(b.X.H, b.X.W); err != nil {
		return err
	}
	if len(b.T) != b.X.N {
		return fmt.Errorf("%d timesteps for %d samples", len(b.T), b.X.N)
	}
	for _, t := range b.T {
		if math.IsNaN(float64(t)) || math.IsInf(float64(t), 0) || t < 0 {
			return fmt.Errorf("timestep %g: want a finite number from 0 on", t)
		}
		if t == 0 && m.Signature.Timesteps() != nil {
			return fmt.Errorf("timestep 0: %w", m.Signature.Timesteps())
		}
	}
	return m.CheckConditions(b)
}

// CheckConditions holds the conditioning of a batch to what the network takes.
func (m *Model) CheckConditions(b Batch) error {
	labels := m.Signature.Labels()
	if b.Labels != nil && labels.Kind == nn.NoCondition {
		return fmt.Errorf("labels are given, but the network is not conditioned on any")
	}
	for name := range b.Vectors {
		if !slices.ContainsFunc(m.Signature.Conditions, func(c nn.Condition) bool { return c.Name == name && c.Kind != nn.ClassCondition }) {
			return fmt.Errorf("%s are given as vectors, but the network is not conditioned on such", name)
		}
	}
	for _, c := range m.Signature.Conditions {
		if c.Kind == nn.ClassCondition {
			if err := checkClasses(c, b); err != nil {
				return err
			}
			continue
		}
		if want, have := c.Spec(b.X.N).Elements(), len(b.Vectors[c.Name]); have != want {
			return fmt.Errorf("the network is conditioned on %s: want %d numbers, have %d", c, want, have)
		}
	}
	return nil
}

func checkClasses(c nn.Condition, b Batch) error {
	if len(b.Labels) != b.X.N {
		return fmt.Errorf("the network is conditioned on classes: want %d integer labels, have %d", b.X.N, len(b.Labels))
	}
	for _, y := range b.Labels {
		switch {
		case c.Classes > 0 && (y < 0 || int(y) >= c.Classes):
			return fmt.Errorf("label %d: want 0..%d", y, c.Classes-1)
		case y < 0:
			return fmt.Errorf("label %d: want a number from 0 on", y)
		}
	}
	return nil
}

// network emits the network on inputs x, t and labels and returns its output.
func (m *Model) network(g *graph.Graph, n, h, w int) (*nn.Context, kernels.Value) {
	c := m.Context(g, nn.WeightsBuffer, false)
	x := g.Input("x", kernels.Dense(kernels.F32, n, h, w, m.C))
	t := g.Input("t", kernels.Dense(kernels.F32, n, 1, 1, 1))
	return c, m.Net.Forward(c, nn.Inputs{X: x, T: t, Conditions: m.Conditions(g, n)})
}

// Conditions declares the inputs of a program for n samples that condition the network, each under its name.
func (m *Model) Conditions(g *graph.Graph, n int) map[string]kernels.Value {
	in := map[string]kernels.Value{}
	for _, c := range m.Signature.Conditions {
		in[c.Name] = g.Input(c.Name, c.Spec(n))
	}
	return in
}

// PredictProgram builds the program of Predict for a batch of n samples of h x w pixels.
func (m *Model) PredictProgram(n, h, w int) (*graph.Program, error) {
	g := graph.New()
	_, y := m.network(g, n, h, w)
	g.Output("eps", y)
	return g.Compile("predict")
}

func (m *Model) fill(r exec.LoadedProgram, b Batch) error {
	if err := r.Set("x", b.X.Data); err != nil {
		return err
	}
	if err := r.Set("t", b.T); err != nil {
		return err
	}
	for _, c := range m.Signature.Conditions {
		var err error
		if c.Kind == nn.ClassCondition {
			err = r.SetInts(c.Name, b.Labels)
		} else {
			err = r.Set(c.Name, b.Vectors[c.Name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Predict returns the network's output on a batch.
func (m *Model) Predict(mach exec.Executor, b Batch) (*Images, error) {
	if err := m.check(b); err != nil {
		return nil, err
	}
	p, err := m.PredictProgram(b.X.N, b.X.H, b.X.W)
	if err != nil {
		return nil, err
	}
	r, err := m.ready(mach, p, b)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Run(&kernels.StepState{LossScale: 1}); err != nil {
		return nil, err
	}
	_, out := m.Net.Config().Channels()
	y := NewImages(b.X.N, b.X.H, b.X.W, out)
	return y, r.Get("eps", y.Data)
}

// ready loads weights, program and batch.
func (m *Model) ready(mach exec.Executor, p *graph.Program, b Batch) (exec.LoadedProgram, error) {
	if err := m.LoadWeights(mach); err != nil {
		return nil, err
	}
	r, err := mach.Load(p)
	if err != nil {
		return nil, err
	}
	if err := m.fill(r, b); err != nil {
		_ = r.Close() // the first error is the one to tell
		return nil, err
	}
	return r, nil
}

// Gradients returns the network's output, the mean squared error against target over all elements, and its gradient for every
// trained parameter under its public name and shape.
func (m *Model) Gradients(mach exec.Executor, b Batch, target *Images) (*Images, float64, []checkpoint.Tensor, error) {
	_, out := m.Net.Config().Channels()
	if err := m.check(b); err != nil {
		return nil, 0, nil, err
	}
	if target.N != b.X.N || target.H != b.X.H || target.W != b.X.W || target.C != out {
		return nil, 0, nil, fmt.Errorf("target of shape (%d,%d,%d,%d): want (%d,%d,%d,%d)", target.N, target.C, target.H, target.W, b.X.N, out, b.X.H, b.X.W)
	}
	g := graph.New()
	c, y := m.network(g, b.X.N, b.X.H, b.X.W)
	l := kernels.Emit1(g, loss.Loss{Kind: loss.MSE}, y, g.Input("target", kernels.Dense(kernels.F32, b.X.N, b.X.H, b.X.W, out)))
	m.Backward(g, c, l, false)
	g.Output("eps", y)
	g.Output("loss", l)
	p, err := g.Compile("gradients")
	if err != nil {
		return nil, 0, nil, err
	}
	r, err := m.ready(mach, p, b)
	if err != nil {
		return nil, 0, nil, err
	}
	defer r.Close()
	if err := r.Set("target", target.Data); err != nil {
		return nil, 0, nil, err
	}
	if err := r.Run(&kernels.StepState{LossScale: 1}); err != nil {
		return nil, 0, nil, err
	}
	return m.gradientResults(mach, r, NewImages(b.X.N, b.X.H, b.X.W, out))
}

func (m *Model) gradientResults(mach exec.Executor, r exec.LoadedProgram, y *Images) (*Images, float64, []checkpoint.Tensor, error) {
	value, arena := make([]float32, 1), make([]float32, m.Params.Size())
	if err := r.Get("eps", y.Data); err != nil {
		return nil, 0, nil, err
	}
	if err := r.Get("loss", value); err != nil {
		return nil, 0, nil, err
	}
	if err := mach.Read(GradsBuffer, 0, arena); err != nil {
		return nil, 0, nil, err
	}
	var list []checkpoint.Tensor
	for _, p := range m.Params.All() {
		if p.Trainable {
			data := make([]float32, p.Elements())
			p.Take(arena, data)
			list = append(list, checkpoint.Tensor{Name: p.Name, Shape: p.Shape, Data: data})
		}
	}
	return y, float64(value[0]), list, nil
}

// Backward emits the gradients of a loss into the gradient arena; with accumulate set they are added in later micro-batches.
func (m *Model) Backward(g *graph.Graph, c *nn.Context, l kernels.Value, accumulate bool) {
	base := g.Persistent(GradsBuffer, kernels.Vector(kernels.F32, m.Params.Size()))
	values, offsets := c.Trainable()
	for i, d := range g.Backward(l, values) {
		if d.Ok() {
			s := values[i].Spec
			s.DType = kernels.F32
			g.Assign(g.View(base, "grad", offsets[i], s, false), d, accumulate)
		}
	}
}
