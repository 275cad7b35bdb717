package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// GuidanceGrad is the gradient of Guidance: dout[n] = w dy[n] and dout[N+n] = (1 - w) dy[n], with w = State.Guidance.
type GuidanceGrad struct{}

func init() {
	kernels.Register(GuidanceGrad{},
		kernels.Reference(guidanceGradReference[float32], guidanceGradReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task", elementwise.F32Only, nil, guidanceGradCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses", guidanceVectorSupports, nil, guidanceGradVector),
		gpu.Kernel(2, "any_pitch", "any pitch", elementsSupports, nil, guidanceGradRows))
}

// Name implements kernels.Operator.
func (GuidanceGrad) Name() string { return "guidance_grad" }

// Infer implements kernels.Operator: (dy F32 (N,H,W,C)) -> dout F32 (2N,H,W,C).
func (o GuidanceGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if in[0].DType != kernels.F32 {
		return nil, fmt.Errorf("%s: gradient is %s, expected f32", o.Name(), in[0])
	}
	s := in[0].WithC(in[0].C)
	s.N *= 2
	return []kernels.Spec{s}, s.Valid()
}

// Cost implements kernels.Operator.
func (GuidanceGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (GuidanceGrad) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-7, Rel: 1e-6, Why: "one float32 product, its factor rounded once"}
}

// Cases implements kernels.Operator.
func (GuidanceGrad) Cases() []kernels.Case {
	at := func(w float64) kernels.StepState { return kernels.StepState{Guidance: w} }
	return []kernels.Case{
		{Name: "odd", Op: GuidanceGrad{}, State: at(3), In: []kernels.Input{kernels.Randn(3, 5, 7, 3)}},
		{Name: "pitch", Op: GuidanceGrad{}, State: at(1.5), In: []kernels.Input{kernels.RandnPitch(2, 3, 3, 10, 37)}},
		{Name: "dense, several blocks", Op: GuidanceGrad{}, State: at(2), In: []kernels.Input{kernels.Randn(3, 7, 25, 8)}, NoGrad: true},
		{Name: "several blocks", Op: GuidanceGrad{}, State: at(2), In: []kernels.Input{kernels.Randn(2, 7, 25, 3)}, NoGrad: true},
		{Name: "one element", Op: GuidanceGrad{}, State: at(-1), In: []kernels.Input{kernels.Randn(1, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator: the operator is linear, its transpose is Guidance.
func (GuidanceGrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if dout[0].Ok() && need[0] {
		d[0] = kernels.Emit1(b, Guidance{}, dout[0])
	}
	return d
}
