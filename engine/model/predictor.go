package model

import (
	"context"
	"slices"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/kernels"
)

// Predictor calls a network many times with batches of one size: its program is built and loaded once.
type Predictor struct {
	m       *Model
	program exec.LoadedProgram
	n, h, w int
}

// NewPredictor loads the model's weights and the program for batches of n samples of h x w pixels. Close it after use.
func NewPredictor(m *Model, mach exec.Executor, n, h, w int) (*Predictor, error) {
	if err := m.Signature.Fits(h, w); err != nil {
		return nil, err
	}
	p, err := m.PredictProgram(n, h, w)
	if err != nil {
		return nil, err
	}
	if err := m.LoadWeights(mach); err != nil {
		return nil, err
	}
	r, err := mach.Load(p)
	if err != nil {
		return nil, err
	}
	return &Predictor{m: m, program: r, n: n, h: h, w: w}, nil
}

// Run returns the network's output on a batch of at most n samples; a shorter one is padded with zeros and cut.
func (p *Predictor) Run(ctx context.Context, b Batch) (*Images, error) {
	if err := p.m.check(b); err != nil {
		return nil, err
	}
	given := b.X.N
	if given < p.n {
		b = p.padded(b)
	}
	if err := p.m.fill(p.program, b); err != nil {
		return nil, err
	}
	if err := exec.RunContext(ctx, p.program, &kernels.StepState{LossScale: 1}); err != nil {
		return nil, err
	}
	_, out := p.m.Net.Config().Channels()
	y := NewImages(p.n, p.h, p.w, out)
	if err := p.program.Get("eps", y.Data); err != nil {
		return nil, err
	}
	return y.Rows(0, given), nil
}

// padded is b with samples of zeros behind it.
func (p *Predictor) padded(b Batch) Batch {
	full := Batch{X: NewImages(p.n, b.X.H, b.X.W, b.X.C), T: make([]float32, p.n)}
	copy(full.X.Data, b.X.Data)
	copy(full.T, b.T)
	for i := len(b.T); i < p.n; i++ {
		full.T[i] = b.T[0]
	}
	if b.Labels != nil {
		full.Labels = make([]int32, p.n)
		copy(full.Labels, b.Labels)
	}
	for name, values := range b.Vectors {
		if full.Vectors == nil {
			full.Vectors = map[string][]float32{}
		}
		full.Vectors[name] = append(slices.Clone(values), make([]float32, len(values)/b.X.N*(p.n-b.X.N))...)
	}
	return full
}

// Close releases the program.
func (p *Predictor) Close() error { return p.program.Close() }
