package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ActivationGrad is dx = dy * kind'(x), the gradient of Activation.
type ActivationGrad struct {
	Kind Kind `key:"Kind"`
}

func init() {
	kernels.Register(ActivationGrad{},
		kernels.Reference(activationGradReference[float32], activationGradReference[float64]),
		kernels.Func("cpu", 1, "vector", "vector loops over dense blocks or rows", F32Only, nil, activationGradCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, one pass", nil, nil, activationGradCUDA))
}

// Name implements kernels.Operator.
func (ActivationGrad) Name() string { return "activation_grad" }

// Infer implements kernels.Operator: (x, dy) -> dx of the same shape.
func (a ActivationGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(a.Name(), in, 2, 2); err != nil {
		return nil, err
	}
	if err := Floats(a.Name(), in...); err != nil {
		return nil, err
	}
	if err := SameShapes(a.Name(), in...); err != nil {
		return nil, err
	}
	return like(in[0]), a.Kind.Valid()
}

// BF16Inputs implements kernels.MixedOperator.
func (ActivationGrad) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (ActivationGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return flops(8, in, out)
}

// Tolerance implements kernels.Operator.
func (ActivationGrad) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (ActivationGrad) Cases() []kernels.Case {
	two := func(in kernels.Input) []kernels.Input { x := in; x.Grad = false; return []kernels.Input{x, in} }
	wide := kernels.Input{Spec: spec(3, 40, 40, 9), Fill: kernels.Uniform, Lo: -100, Hi: 100}
	list := []kernels.Case{
		{Name: "silu", Op: ActivationGrad{SiLU}, In: two(kernels.Randn(2, 3, 5, 7))},
		{Name: "silu pitches", Op: ActivationGrad{SiLU}, In: []kernels.Input{noGrad(kernels.RandnPitch(1, 2, 3, 16, 40)), kernels.RandnPitch(1, 2, 3, 16, 19)}},
		{Name: "silu blocks", Op: ActivationGrad{SiLU}, In: []kernels.Input{wide, kernels.RandUniform(-1, 1, 3, 40, 40, 9)}, NoGrad: true},
		{Name: "gelu", Op: ActivationGrad{GELU}, In: two(kernels.Randn(1, 3, 3, 16))},
		{Name: "gelu tails", Op: ActivationGrad{GELU}, In: []kernels.Input{kernels.RandUniform(-15, 15, 1, 1, 101, 8), kernels.RandUniform(-1, 1, 1, 1, 101, 8)}, NoGrad: true},
		{Name: "none", Op: ActivationGrad{None}, In: two(kernels.RandnPitch(1, 1, 1, 1, 1))},
	}
	for k := None; k <= GELU; k++ {
		list = append(list, layouts(ActivationGrad{k}, k.String()+", ", 2)...)
	}
	return list
}

// noGrad is an input that gradients are not checked for.
func noGrad(in kernels.Input) kernels.Input {
	in.Grad = false
	return in
}

// Grad implements kernels.Operator for dy, in which the operator is linear. Networks are differentiated once: the second
// derivative of the activation is not offered, x gets no gradient.
func (a ActivationGrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[1] {
		d[1] = kernels.Emit1(b, a, n.In[0], dout[0])
	}
	return d
}
