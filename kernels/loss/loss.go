// Package loss holds the training losses.
package loss

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Kind is an element loss of the difference d = prediction - target.
type Kind uint8

// The losses.
const (
	MSE   Kind = iota // d^2
	Huber             // d^2/2 where |d| <= Delta, else Delta (|d| - Delta/2)
	L1                // |d|
)

func (k Kind) String() string {
	switch k {
	case MSE:
		return "mse"
	case Huber:
		return "huber"
	case L1:
		return "l1"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Loss is the mean of an element loss. perSample is its mean over the elements of each sample, not weighted; mean is the
// mean over samples of weight * perSample.
type Loss struct {
	Kind  Kind    `key:"Kind"`
	Delta float64 `key:"Delta"` // of Huber
}

func init() {
	kernels.Register(Loss{},
		kernels.Reference(lossReference[float32], lossReference[float64]),
		kernels.Func("cpu", 1, "samples", "one sample a task, float64 sums", elementwise.F32Only, nil, lossCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses", denseSupports, lossScratch(4), lossVector),
		gpu.Kernel(2, "any_pitch", "any pitch", elementsSupports, lossScratch(1), lossRows))
}

// Name implements kernels.Operator.
func (Loss) Name() string { return "loss" }

// Infer implements kernels.Operator: (pred F32 (N,H,W,C), target, weight? F32 (N,1,1,1)) -> (mean F32 (1,1,1,1), perSample F32 (N,1,1,1)).
func (l Loss) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(l.Name(), in, 2, 3); err != nil {
		return nil, err
	}
	if err := l.operands(l.Name(), in); err != nil {
		return nil, err
	}
	return []kernels.Spec{kernels.Vector(kernels.F32, 1), kernels.Dense(kernels.F32, in[0].N, 1, 1, 1)}, nil
}

// operands checks the attributes and the inputs pred, target and weight.
func (l Loss) operands(name string, in []*kernels.Spec) error {
	if l.Kind > L1 {
		return fmt.Errorf("%s: unknown %s", name, l.Kind)
	}
	if l.Kind == Huber && !(l.Delta > 0) {
		return fmt.Errorf("%s: Huber needs a positive delta, got %g", name, l.Delta)
	}
	if in[0].DType != kernels.F32 {
		return fmt.Errorf("%s: prediction is %s, expected f32", name, in[0])
	}
	if err := elementwise.SameShapes(name, in[0], in[1]); err != nil {
		return err
	}
	if len(in) > 2 && in[2] != nil {
		return elementwise.PerImage(name, "weight", in[2], kernels.F32, in[0].N)
	}
	return nil
}

// Cost implements kernels.Operator.
func (Loss) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 3 * float64(in[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Loss) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-7, Rel: 1e-6, Why: "sums of positive numbers: float64, or float32 in trees of short sums"}
}

// Cases implements kernels.Operator.
func (Loss) Cases() []kernels.Case {
	weight := kernels.RandUniform(0, 3, 3, 1, 1, 1)
	return []kernels.Case{
		{Name: "mse", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(2, 3, 5, 3), kernels.Randn(2, 3, 5, 3)}},
		{Name: "mse weighted", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.RandnPitch(3, 2, 5, 1, 9), kernels.Randn(3, 2, 5, 1), weight}},
		{Name: "huber", Op: Loss{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 3, 3, 7), kernels.RandnPitch(3, 3, 3, 7, 11), weight}},
		{Name: "l1", Op: Loss{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8), weight}},
		{Name: "dense", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 3, 5, 8), kernels.Randn(3, 3, 5, 8), weight}},
		{Name: "dense huber", Op: Loss{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8), weight}},
		{Name: "dense l1", Op: Loss{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 2, 2, 8), kernels.Randn(3, 2, 2, 8)}},
		{Name: "several blocks", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7), weight}, NoGrad: true},
		{Name: "several blocks, dense", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), weight}, NoGrad: true},
		{Name: "several blocks, huber", Op: Loss{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7)}, NoGrad: true},
		{Name: "several blocks, dense, huber", Op: Loss{Huber, 0.7}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8)}, NoGrad: true},
		{Name: "several blocks, l1", Op: Loss{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 9, 25, 6), kernels.RandnPitch(3, 9, 25, 6, 7), weight}, NoGrad: true},
		{Name: "several blocks, dense, l1", Op: Loss{Kind: L1}, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), weight}, NoGrad: true},
		{Name: "one element", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
		{Name: "many parts", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(2, 66, 64, 4), kernels.Randn(2, 66, 64, 4)}, NoGrad: true},
		{Name: "many samples", Op: Loss{Kind: MSE}, In: []kernels.Input{kernels.Randn(600, 1, 1, 2), kernels.Randn(600, 1, 1, 2)}, NoGrad: true},
	}
}

// Grad implements kernels.Operator for prediction and target; weights are given numbers and have no gradient. An absent
// gradient of both outputs means that the mean is what is differentiated.
func (l Loss) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	var weight kernels.Value
	if len(n.In) > 2 {
		weight = n.In[2]
	}
	for i := range 2 {
		if !need[i] {
			continue
		}
		pred, target := n.In[i], n.In[1-i] // element losses are even: the target's gradient is that of swapped operands
		var parts []kernels.Value
		if dout[0].Ok() || !dout[1].Ok() {
			parts = append(parts, kernels.Emit1(b, LossGrad(l), pred, target, weight, dout[0]))
		}
		if dout[1].Ok() { // perSample_i is N times the mean that gives only sample i weight
			w := kernels.Emit1(b, elementwise.Scale{Factor: float64(pred.Spec.N)}, dout[1])
			parts = append(parts, kernels.Emit1(b, LossGrad(l), pred, target, w))
		}
		d[i] = parts[0]
		if len(parts) == 2 {
			d[i] = kernels.Emit1(b, elementwise.Add{Alpha: 1, Beta: 1}, parts[0], parts[1])
		}
	}
	return d
}
