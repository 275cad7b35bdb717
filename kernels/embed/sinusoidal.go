// Package embed holds the operators that turn times and labels into vectors.
package embed

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Sinusoidal is the positional embedding of time steps (Vaswani et al. 2017, section 3.5, in the form of Ho et al. 2020):
// [sin(t f_k), cos(t f_k)], f_k = exp(-ln(MaxPeriod) k / (Dim/2 - FreqShift)), k < Dim/2. FlipSinToCos puts the cosines
// first; an odd Dim ends with one zero. FreqShift is 1 in Ho's form, 0 in others.
type Sinusoidal struct {
	Dim          int     `key:"Dim"`
	FlipSinToCos bool    `key:"FlipSinToCos"`
	FreqShift    float64 `key:"FreqShift"`
	MaxPeriod    float64 `key:"MaxPeriod"` // 10000 if 0
}

func init() {
	kernels.Register(Sinusoidal{},
		kernels.Reference(sinusoidalReference[float32], sinusoidalReference[float64]),
		kernels.Func("cpu", 1, "rows", "one row a task, float64 sine and cosine", nil, nil, sinusoidalCPU),
		gpu.Kernel(1, "thread_per_frequency", "one thread a frequency, float64 phase", nil, nil, sinusoidalCUDA))
}

// Name implements kernels.Operator.
func (Sinusoidal) Name() string { return "sinusoidal" }

// Infer implements kernels.Operator: (t I32 or F32 (N,1,1,1)) -> F32 (N,1,1,Dim).
func (s Sinusoidal) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(s.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if err := times(s.Name(), in[0]); err != nil {
		return nil, err
	}
	if half := s.Dim / 2; half < 1 || float64(half)-s.FreqShift <= 0 {
		return nil, fmt.Errorf("sinusoidal: dimension %d is too small for frequency shift %g", s.Dim, s.FreqShift)
	}
	if s.MaxPeriod < 0 {
		return nil, fmt.Errorf("sinusoidal: maximum period %g is negative", s.MaxPeriod)
	}
	return []kernels.Spec{kernels.Dense(kernels.F32, in[0].N, 1, 1, s.Dim)}, nil
}

// times checks that a tensor holds one integer or float32 time for each image.
func times(name string, t *kernels.Spec) error {
	if t.DType == kernels.BF16 || t.H != 1 || t.W != 1 || t.C != 1 {
		return fmt.Errorf("%s: times are %s, expected f32 or i32 [N,1,1,1]", name, t)
	}
	return nil
}

// Cost implements kernels.Operator; a sine or exponential counts as one FLOP.
func (Sinusoidal) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 2 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Sinusoidal) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "float64 phases; polynomials of float32 or one rounding"}
}

// Cases implements kernels.Operator.
func (Sinusoidal) Cases() []kernels.Case {
	ints := []kernels.Input{kernels.RandInts(0, 1000, 5, 1, 1, 1)}
	return []kernels.Case{
		{Name: "ho", Op: Sinusoidal{Dim: 128, FreqShift: 1, MaxPeriod: 10000}, In: ints, NoGrad: true},
		{Name: "flipped odd", Op: Sinusoidal{Dim: 33, FlipSinToCos: true}, In: ints, NoGrad: true},
		{Name: "real times", Op: Sinusoidal{Dim: 6, MaxPeriod: 100}, In: []kernels.Input{kernels.RandUniform(0, 50, 3, 1, 1, 1)}, NoGrad: true},
		{Name: "late times", Op: Sinusoidal{Dim: 64, FreqShift: 1}, In: []kernels.Input{kernels.RandInts(1<<29, 1<<30, 9, 1, 1, 1)}, NoGrad: true},
		{Name: "negative times", Op: Sinusoidal{Dim: 6}, In: []kernels.Input{kernels.RandUniform(-1000, 0, 3, 1, 1, 1)}, NoGrad: true},
		{Name: "one image", Op: Sinusoidal{Dim: 2}, In: []kernels.Input{kernels.RandInts(7, 8, 1, 1, 1, 1)}, NoGrad: true},
	}
}

// Grad implements kernels.Operator. Times are given numbers, not results: they have no gradient.
func (Sinusoidal) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
