package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Add is y = Alpha*a + Beta*b.
type Add struct {
	Alpha float64 `key:"Alpha"`
	Beta  float64 `key:"Beta"`
}

func init() {
	kernels.Register(Add{},
		kernels.Reference(addReference[float32], addReference[float64]),
		kernels.Func("cpu", 1, "vector", "vector loops over dense blocks or rows", F32Only, nil, addCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, four rows of both in flight a thread", nil, nil, addCUDA))
}

// Name implements kernels.Operator.
func (Add) Name() string { return "add" }

// Infer implements kernels.Operator: (a, b) -> y, all of one shape.
func (a Add) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	return binary(a.Name(), in)
}

// binary is the shape rule of operators with two floating-point inputs of one shape.
func binary(name string, in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(name, in, 2, 2); err != nil {
		return nil, err
	}
	if err := Floats(name, in...); err != nil {
		return nil, err
	}
	if err := SameShapes(name, in...); err != nil {
		return nil, err
	}
	return like(in[0]), nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Add) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (Add) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(3, in, out) }

// Tolerance implements kernels.Operator.
func (Add) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Add) Cases() []kernels.Case {
	return append([]kernels.Case{
		{Name: "sum", Op: Add{1, 1}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7), kernels.Randn(2, 3, 5, 7)}},
		{Name: "weighted dense", Op: Add{0.75, -2}, In: []kernels.Input{kernels.Randn(1, 2, 3, 16), kernels.Randn(1, 2, 3, 16)}},
		{Name: "pitches", Op: Add{1, -1}, In: []kernels.Input{kernels.RandnPitch(1, 3, 3, 10, 11), kernels.RandnPitch(1, 3, 3, 10, 32)}},
		{Name: "one element", Op: Add{1, 1}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
	}, layouts(Add{0.5, -3}, "", 2)...)
}

// Grad implements kernels.Operator: da = Alpha*dy, db = Beta*dy.
func (a Add) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	for i, factor := range []float64{a.Alpha, a.Beta} {
		switch {
		case !ok || !need[i]:
		case factor == 1:
			d[i] = dout[0]
		default:
			d[i] = kernels.Emit1(b, Scale{factor}, dout[0])
		}
	}
	return d
}
