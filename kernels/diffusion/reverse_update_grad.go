package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ReverseUpdateGrad is the gradient of ReverseUpdate; a clipped estimate of x_0 passes nothing on.
type ReverseUpdateGrad struct {
	Clip float64 `key:"Clip"`
}

func init() {
	kernels.Register(ReverseUpdateGrad{},
		kernels.Reference(reverseUpdateGradReference[float32], reverseUpdateGradReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task", elementwise.F32Only, nil, reverseUpdateGradCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses", reverseUpdateGradVectorSupports, nil, reverseUpdateGradVector),
		gpu.Kernel(2, "any_pitch", "any pitch", elementsSupports, nil, reverseUpdateGradRows))
}

// Name implements kernels.Operator.
func (ReverseUpdateGrad) Name() string { return "reverse_update_grad" }

// Infer implements kernels.Operator: (x F32 (N,H,W,C), out, table F32 (S,1,1,8), dxprev) -> (dx, dout, dz).
func (o ReverseUpdateGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 4, 4); err != nil {
		return nil, err
	}
	if err := updateOperands(o.Name(), in[0], in[1], in[2], 0); err != nil {
		return nil, err
	}
	if err := elementwise.SameShapes("reverse_update_grad: gradient", in[0], in[3]); err != nil {
		return nil, err
	}
	s := in[0].WithC(in[0].C)
	return []kernels.Spec{s, s, s}, nil
}

// Cost implements kernels.Operator.
func (ReverseUpdateGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 10 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (ReverseUpdateGrad) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "float64 arithmetic, rounded once to float32"}
}

// Cases implements kernels.Operator.
func (ReverseUpdateGrad) Cases() []kernels.Case {
	state := kernels.StepState{ChainIndex: 3}
	table := kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	x := func() kernels.Input { return kernels.Randn(3, 5, 7, 3) }
	return []kernels.Case{
		{Name: "plain", Op: ReverseUpdateGrad{}, State: state, In: []kernels.Input{x(), x(), table, x()}, NoGrad: true},
		{Name: "dense", Op: ReverseUpdateGrad{}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table, kernels.Randn(2, 3, 5, 8)}},
		{Name: "dense, several blocks", Op: ReverseUpdateGrad{Clip: 0.5}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), table, kernels.Randn(3, 7, 25, 8)}},
		{Name: "clipped, pitches", Op: ReverseUpdateGrad{Clip: 0.3}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.RandnPitch(2, 3, 3, 8, 9), kernels.Randn(2, 3, 3, 8), table, kernels.RandnPitch(2, 3, 3, 8, 24)}},
	}
}

// Grad implements kernels.Operator: samplers are differentiated once, no second derivative is offered.
func (ReverseUpdateGrad) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
