package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Guidance combines the two halves of a batch of 2N predictions, classifier-free guidance (Ho and Salimans 2022, equation 6):
//
//	y[n] = u + w (c - u)    c = out[n], with the sample's label; u = out[N+n], with the null label; w = State.Guidance
//
// w is the scale of diffusers and Imagen: 1 leaves the conditional prediction, 0 the unconditional one. Ho and Salimans' own
// weight is w - 1. The combination is linear, so it means the same for predictions of eps, x_0 and v.
type Guidance struct{}

func init() {
	kernels.Register(Guidance{},
		kernels.Reference(guidanceReference[float32], guidanceReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task", elementwise.F32Only, nil, guidanceCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses", guidanceVectorSupports, nil, guidanceVector),
		gpu.Kernel(2, "any_pitch", "any pitch", elementsSupports, nil, guidanceRows))
}

// Name implements kernels.Operator.
func (Guidance) Name() string { return "guidance" }

// Infer implements kernels.Operator: (out F32 (2N,H,W,C)) -> y F32 (N,H,W,C).
func (o Guidance) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if in[0].DType != kernels.F32 || in[0].N%2 != 0 {
		return nil, fmt.Errorf("%s: predictions are %s, expected f32 and an even batch: N with labels, N without", o.Name(), in[0])
	}
	s := in[0].WithC(in[0].C)
	s.N /= 2
	return []kernels.Spec{s}, nil
}

// Cost implements kernels.Operator.
func (Guidance) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 3 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Guidance) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 4e-6, Rel: 2e-6, Why: "float32 roundings of differences up to 10, times a weight of a few"}
}

// Cases implements kernels.Operator.
func (Guidance) Cases() []kernels.Case {
	at := func(w float64) kernels.StepState { return kernels.StepState{Guidance: w} }
	return []kernels.Case{
		{Name: "odd", Op: Guidance{}, State: at(3), In: []kernels.Input{kernels.Randn(6, 5, 7, 3)}},
		{Name: "pitch", Op: Guidance{}, State: at(1.5), In: []kernels.Input{kernels.RandnPitch(4, 3, 3, 10, 37)}},
		{Name: "dense, several blocks", Op: Guidance{}, State: at(2), In: []kernels.Input{kernels.Randn(6, 7, 25, 8)}, NoGrad: true},
		{Name: "several blocks", Op: Guidance{}, State: at(2), In: []kernels.Input{kernels.Randn(4, 7, 25, 3)}, NoGrad: true},
		{Name: "unconditional", Op: Guidance{}, State: at(0), In: []kernels.Input{kernels.Randn(2, 2, 2, 8)}},
		{Name: "one element", Op: Guidance{}, State: at(-1), In: []kernels.Input{kernels.Randn(2, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator.
func (Guidance) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if dout[0].Ok() && need[0] {
		d[0] = kernels.Emit1(b, GuidanceGrad{}, dout[0])
	}
	return d
}
