package model

import (
	"fmt"
	"math"

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
	Labels []int32   // N class numbers, or nil
	Vector []float32 // N x Dim conditioning vectors, or nil
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
	if err := m.Net.CheckSize(b.X.H, b.X.W); err != nil {
		return err
	}
	if len(b.T) != b.X.N {
		return fmt.Errorf("%d timesteps for %d samples", len(b.T), b.X.N)
	}
	for _, t := range b.T {
		if math.IsNaN(float64(t)) || math.IsInf(float64(t), 0) || t < 0 {
			return fmt.Errorf("timestep %g: want a finite number from 0 on", t)
		}
		if t == 0 && m.Net.DiscreteTime() != nil {
			return fmt.Errorf("timestep 0: %w", m.Net.DiscreteTime())
		}
	}
	return m.CheckLabels(b)
}

// CheckLabels holds the conditioning of a batch to what the network takes.
func (m *Model) CheckLabels(b Batch) error {
	l := m.Net.Labels()
	switch {
	case l.Kind == nn.NoLabels && (b.Labels != nil || b.Vector != nil):
		return fmt.Errorf("labels are given, but the network is not conditioned on any")
	case l.Kind == nn.ClassLabels && len(b.Labels) != b.X.N:
		return fmt.Errorf("the network is conditioned on classes: want %d integer labels, have %d", b.X.N, len(b.Labels))
	case l.Kind == nn.VectorLabels && len(b.Vector) != b.X.N*l.Dim:
		return fmt.Errorf("the network is conditioned on vectors of %d elements: want %d numbers, have %d", l.Dim, b.X.N*l.Dim, len(b.Vector))
	}
	for _, y := range b.Labels {
		switch {
		case l.Classes > 0 && (y < 0 || int(y) >= l.Classes):
			return fmt.Errorf("label %d: want 0..%d", y, l.Classes-1)
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
	return c, m.Net.Forward(c, x, t, m.LabelsInput(g, n))
}

// LabelsInput declares the input "labels" of a program for n samples; none for a network without conditioning.
func (m *Model) LabelsInput(g *graph.Graph, n int) kernels.Value {
	if m.Net.Labels().Kind == nn.NoLabels {
		return kernels.Value{}
	}
	return g.Input("labels", m.Net.Labels().Spec(n))
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
	switch m.Net.Labels().Kind {
	case nn.ClassLabels:
		return r.SetInts("labels", b.Labels)
	case nn.VectorLabels:
		return r.Set("labels", b.Vector)
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
