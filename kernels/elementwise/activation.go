package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Activation is y = kind(x), element by element.
type Activation struct {
	Kind Kind `key:"Kind"`
}

func init() {
	kernels.Register(Activation{},
		kernels.Reference(activationReference[float32], activationReference[float64]),
		kernels.Func("cpu", 1, "vector", "vector loops over dense blocks or rows", F32Only, nil, activationCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, one pass", nil, nil, activationCUDA))
}

// Name implements kernels.Operator.
func (Activation) Name() string { return "activation" }

// Infer implements kernels.Operator: (x) -> y of the same shape.
func (a Activation) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(a.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if err := Floats(a.Name(), in...); err != nil {
		return nil, err
	}
	return like(in[0]), a.Kind.Valid()
}

// BF16Inputs implements kernels.MixedOperator.
func (Activation) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator; an exponential and a division count as one FLOP each.
func (Activation) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(4, in, out) }

// Tolerance implements kernels.Operator.
func (Activation) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Activation) Cases() []kernels.Case {
	list := []kernels.Case{
		{Name: "silu", Op: Activation{SiLU}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7)}},
		{Name: "silu dense", Op: Activation{SiLU}, In: []kernels.Input{kernels.Randn(1, 3, 3, 16)}},
		{Name: "silu blocks", Op: Activation{SiLU}, In: []kernels.Input{{Spec: spec(3, 40, 40, 9), Fill: kernels.Uniform, Lo: -100, Hi: 100}}, NoGrad: true},
		{Name: "silu one pixel", Op: Activation{SiLU}, In: []kernels.Input{kernels.RandnPitch(1, 1, 1, 1, 1)}},
		{Name: "gelu", Op: Activation{GELU}, In: []kernels.Input{kernels.RandnPitch(2, 2, 3, 10, 24)}},
		{Name: "gelu tails", Op: Activation{GELU}, In: []kernels.Input{kernels.RandUniform(-15, 15, 1, 1, 101, 8)}, NoGrad: true},
		{Name: "none", Op: Activation{None}, In: []kernels.Input{kernels.RandnPitch(1, 2, 2, 5, 13)}},
	}
	for k := None; k <= GELU; k++ {
		list = append(list, layouts(Activation{k}, k.String()+", ", 1)...)
	}
	return list
}

// Grad implements kernels.Operator.
func (a Activation) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	dx, ok := grads(n, dout)
	if ok && need[0] {
		dx[0] = kernels.Emit1(b, ActivationGrad(a), n.In[0], dout[0])
	}
	return dx
}

// spec returns a dense float32 spec for a case.
func spec(n, h, w, c int) *kernels.Spec {
	s := kernels.Dense(kernels.F32, n, h, w, c)
	return &s
}
