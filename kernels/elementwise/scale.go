package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Scale is y = Factor*x.
type Scale struct {
	Factor float64 `key:"Factor"`
}

func init() {
	kernels.Register(Scale{},
		kernels.Reference(scaleReference[float32], scaleReference[float64]),
		kernels.Func("cpu", 1, "vector", "vector loops over dense blocks or rows", F32Only, nil, scaleCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, four rows in flight a thread", nil, nil, scaleCUDA))
}

// Name implements kernels.Operator.
func (Scale) Name() string { return "scale" }

// Infer implements kernels.Operator: (x) -> y of the same shape.
func (s Scale) Infer(in []*kernels.Spec) ([]kernels.Spec, error) { return unary(s.Name(), in) }

// unary is the shape rule of operators with one floating-point input and an output of its shape.
func unary(name string, in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(name, in, 1, 1); err != nil {
		return nil, err
	}
	if err := Floats(name, in...); err != nil {
		return nil, err
	}
	return like(in[0]), nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Scale) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (Scale) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(1, in, out) }

// Tolerance implements kernels.Operator.
func (Scale) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Scale) Cases() []kernels.Case {
	return append([]kernels.Case{
		{Name: "odd", Op: Scale{1.25}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7)}},
		{Name: "dense", Op: Scale{-0.1}, In: []kernels.Input{kernels.Randn(1, 2, 3, 16)}},
		{Name: "pitch", Op: Scale{3}, In: []kernels.Input{kernels.RandnPitch(1, 3, 3, 10, 37)}},
	}, layouts(Scale{-1.5}, "", 1)...)
}

// Grad implements kernels.Operator.
func (s Scale) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = kernels.Emit1(b, s, dout[0])
	}
	return d
}
