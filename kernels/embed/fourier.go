package embed

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Fourier is the embedding of times by fixed random frequencies w (Song et al. 2021, appendix C.2; Tancik et al. 2020):
// [sin(2 pi w t), cos(2 pi w t)], with Log of log(t) instead of t. FlipSinToCos puts the cosines first.
//
// The phase is part of the definition: logarithm, times w, times 2, times pi, each rounded to float32, as every published
// network was trained. Phases reach thousands of radians, where an exact phase would differ from the rounded one by 1e-4.
type Fourier struct {
	FlipSinToCos bool `key:"FlipSinToCos"`
	Log          bool `key:"Log"`
}

func init() {
	kernels.Register(Fourier{},
		kernels.Reference(fourierReference[float32], fourierReference[float64]),
		kernels.Func("cpu", 1, "rows", "one row a task, float64 sine and cosine", nil, nil, fourierCPU),
		gpu.Kernel(1, "thread_per_frequency", "one thread a frequency, float64 range reduction", nil, nil, fourierCUDA))
}

// Name implements kernels.Operator.
func (Fourier) Name() string { return "fourier" }

// Infer implements kernels.Operator: (t I32 or F32 (N,1,1,1), w F32 (1,1,1,K)) -> F32 (N,1,1,2K).
func (f Fourier) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(f.Name(), in, 2, 2); err != nil {
		return nil, err
	}
	if err := times(f.Name(), in[0]); err != nil {
		return nil, err
	}
	if w := in[1]; w.DType != kernels.F32 || w.Rows() != 1 {
		return nil, fmt.Errorf("fourier: frequencies are %s, expected f32[1,1,1,K]", w)
	}
	return []kernels.Spec{kernels.Dense(kernels.F32, in[0].N, 1, 1, 2*in[1].C)}, nil
}

// Cost implements kernels.Operator; a sine or logarithm counts as one FLOP.
func (Fourier) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 3 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Fourier) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "the phase is defined to the bit, sine and cosine are rounded once"}
}

// Cases implements kernels.Operator.
func (Fourier) Cases() []kernels.Case {
	w := func(k int) kernels.Input { return kernels.RandUniform(-30, 30, 1, 1, 1, k) }
	return []kernels.Case{
		{Name: "log", Op: Fourier{FlipSinToCos: true, Log: true}, In: []kernels.Input{kernels.RandUniform(0.01, 900, 5, 1, 1, 1), w(16)}, NoGrad: true},
		{Name: "integer times", Op: Fourier{Log: true}, In: []kernels.Input{kernels.RandInts(1, 1000, 3, 1, 1, 1), w(13)}, NoGrad: true},
		{Name: "several blocks", Op: Fourier{}, In: []kernels.Input{kernels.RandUniform(0, 1, 11, 1, 1, 1), w(33)}, NoGrad: true},
		{Name: "plain", Op: Fourier{}, In: []kernels.Input{kernels.RandUniform(0, 1, 1, 1, 1, 1), w(1)}, NoGrad: true},
	}
}

// Grad implements kernels.Operator. Times are given numbers and the frequencies fixed: neither has a gradient.
func (Fourier) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
