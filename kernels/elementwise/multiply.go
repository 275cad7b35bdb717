package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Multiply is y = a*b, element by element.
type Multiply struct{}

func init() {
	kernels.Register(Multiply{},
		kernels.Reference(multiplyReference[float32], multiplyReference[float64]),
		kernels.Func("cpu", 1, "vector", "vector loops over dense blocks or rows", F32Only, nil, multiplyCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, four rows of both in flight a thread", nil, nil, multiplyCUDA))
}

// Name implements kernels.Operator.
func (Multiply) Name() string { return "multiply" }

// Infer implements kernels.Operator: (a, b) -> y, all of one shape.
func (m Multiply) Infer(in []*kernels.Spec) ([]kernels.Spec, error) { return binary(m.Name(), in) }

// BF16Inputs implements kernels.MixedOperator.
func (Multiply) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (Multiply) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(1, in, out) }

// Tolerance implements kernels.Operator.
func (Multiply) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Multiply) Cases() []kernels.Case {
	return append([]kernels.Case{
		{Name: "odd", Op: Multiply{}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7), kernels.Randn(2, 3, 5, 7)}},
		{Name: "dense", Op: Multiply{}, In: []kernels.Input{kernels.Randn(1, 2, 3, 16), kernels.Randn(1, 2, 3, 16)}},
		{Name: "pitches", Op: Multiply{}, In: []kernels.Input{kernels.RandnPitch(1, 3, 3, 10, 11), kernels.RandnPitch(1, 3, 3, 10, 32)}},
		{Name: "one element", Op: Multiply{}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
	}, layouts(Multiply{}, "", 2)...)
}

// Grad implements kernels.Operator: da = dy*b, db = dy*a.
func (m Multiply) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	for i := range d {
		if ok && need[i] {
			d[i] = kernels.Emit1(b, m, dout[0], n.In[1-i])
		}
	}
	return d
}
