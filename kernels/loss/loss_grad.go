package loss

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// LossGrad is the gradient of Loss's mean with respect to the prediction:
// LossScale * dmean * weight_n / (N H W C) * derivative of the element loss. An absent dmean is 1.
type LossGrad struct {
	Kind  Kind    `key:"Kind"`
	Delta float64 `key:"Delta"` // of Huber
}

func init() {
	kernels.Register(LossGrad{},
		kernels.Reference(lossGradReference[float32], lossGradReference[float64]),
		kernels.Func("cpu", 1, "samples", "some samples a task", elementwise.F32Only, nil, lossGradCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses", denseSupports, nil, lossGradVector),
		gpu.Kernel(2, "any_pitch", "any pitch", elementsSupports, nil, lossGradRows))
}

// Name implements kernels.Operator.
func (LossGrad) Name() string { return "loss_grad" }

// Infer implements kernels.Operator: (pred F32 (N,H,W,C), target, weight? F32 (N,1,1,1), dmean? F32 (1,1,1,1)) -> dpred.
func (l LossGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(l.Name(), in, 2, 4); err != nil {
		return nil, err
	}
	if err := Loss(l).operands(l.Name(), in); err != nil {
		return nil, err
	}
	if len(in) > 3 && in[3] != nil && (in[3].DType != kernels.F32 || in[3].Elements() != 1) {
		return nil, fmt.Errorf("loss_grad: gradient of the mean is %s, expected f32[1,1,1,1]", in[3])
	}
	return []kernels.Spec{in[0].WithC(in[0].C)}, nil
}

// Cost implements kernels.Operator.
func (LossGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 3 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (LossGrad) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-7, Rel: 1e-6, Why: "a few float32 roundings"}
}

// Cases implements kernels.Operator.
func (LossGrad) Cases() []kernels.Case {
	weight, dmean := kernels.RandUniform(0, 3, 3, 1, 1, 1), kernels.Randn(1, 1, 1, 1)
	cases := []kernels.Case{
		{Name: "mse", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(2, 3, 5, 3), kernels.Randn(2, 3, 5, 3)}},
		{Name: "mse scaled", Op: LossGrad{Kind: MSE}, State: kernels.StepState{LossScale: 0.25},
			In: []kernels.Input{kernels.RandnPitch(3, 2, 5, 1, 9), kernels.Randn(3, 2, 5, 1), weight, dmean}},
		{Name: "huber", Op: LossGrad{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 3, 3, 7), kernels.Randn(3, 3, 3, 7), weight, dmean}},
		{Name: "l1", Op: LossGrad{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8), kernels.Absent(), dmean}},
		{Name: "dense", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 3, 5, 8), kernels.Randn(3, 3, 5, 8), weight, dmean}},
		{Name: "dense, no weights", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 3, 5, 8), kernels.Randn(3, 3, 5, 8)}},
		{Name: "dense huber", Op: LossGrad{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8), weight, dmean}},
		{Name: "dense l1", Op: LossGrad{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8)}},
		{Name: "several blocks", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7), weight}},
		{Name: "several blocks, dense", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), weight}},
		{Name: "several blocks, huber", Op: LossGrad{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7)}},
		{Name: "several blocks, dense, huber", Op: LossGrad{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8)}},
		{Name: "several blocks, l1", Op: LossGrad{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7), weight}},
		{Name: "several blocks, dense, l1", Op: LossGrad{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), weight}},
		{Name: "one element", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
		{Name: "many samples", Op: LossGrad{Kind: MSE}, In: []kernels.Input{kernels.Randn(600, 1, 1, 2), kernels.Randn(600, 1, 1, 2)}},
	}
	for i := range cases {
		cases[i].NoGrad = true
	}
	return cases
}

// Grad implements kernels.Operator: networks are differentiated once, no second derivative is offered.
func (LossGrad) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
