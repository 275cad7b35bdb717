package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// DivideTime is y = x / t with one t for each image, the output scaling of networks with Fourier time embedding.
type DivideTime struct{}

func init() {
	kernels.Register(DivideTime{},
		kernels.Reference(divideTimeReference[float32], divideTimeReference[float64]),
		kernels.Func("cpu", 1, "images", "one scaled image a task", F32Only, nil, divideTimeCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, one pass", nil, nil, divideTimeCUDA))
}

// Name implements kernels.Operator.
func (DivideTime) Name() string { return "divide_time" }

// Infer implements kernels.Operator: (x, t F32 (N,1,1,1)) -> y of x's shape.
func (o DivideTime) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(o.Name(), in, 2, 2); err != nil {
		return nil, err
	}
	if err := Floats(o.Name(), in[0]); err != nil {
		return nil, err
	}
	return like(in[0]), PerImage(o.Name(), "t", in[1], kernels.F32, in[0].N)
}

// BF16Inputs implements kernels.MixedOperator.
func (DivideTime) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (DivideTime) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(1, in, out) }

// Tolerance implements kernels.Operator.
func (DivideTime) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (DivideTime) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "odd", Op: DivideTime{}, In: []kernels.Input{kernels.Randn(3, 3, 5, 3), kernels.RandUniform(0.5, 900, 3, 1, 1, 1)}},
		{Name: "pitch", Op: DivideTime{}, In: []kernels.Input{kernels.RandnPitch(2, 2, 2, 16, 18), kernels.RandUniform(0.5, 2, 2, 1, 1, 1)}},
		{Name: "rows that end within a vector", Op: DivideTime{}, In: []kernels.Input{noGrad(kernels.RandnPitch(7, 3, 5, 19, 40)), kernels.RandUniform(0.5, 900, 7, 1, 1, 1)}, NoGrad: true},
		{Name: "slice of odd pitch", Op: DivideTime{}, In: []kernels.Input{noGrad(kernels.RandnPitch(70, 1, 5, 16, 24)), kernels.RandUniform(0.5, 900, 70, 1, 1, 1)}, NoGrad: true, OutPad: 5},
		{Name: "rows longer than a block", Op: DivideTime{}, In: []kernels.Input{noGrad(kernels.RandnPitch(3, 1, 1, 2100, 2120)), kernels.RandUniform(0.5, 900, 3, 1, 1, 1)}, NoGrad: true},
		{Name: "one pixel", Op: DivideTime{}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.RandUniform(1, 2, 1, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator. Times are given numbers, not results: t has no gradient.
func (o DivideTime) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = kernels.Emit1(b, o, dout[0], n.In[1])
	}
	return d
}
