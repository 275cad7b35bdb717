package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ToFloat turns integers, such as time steps, into float32.
type ToFloat struct{}

func init() {
	kernels.Register(ToFloat{},
		kernels.Reference(toFloatReference[float32], toFloatReference[float64]),
		kernels.Func("cpu", 1, "rows", "one row a step", nil, nil, toFloatCPU),
		gpu.Kernel(1, "thread_per_row", "one element a thread and row", nil, nil, toFloatCUDA))
}

// Name implements kernels.Operator.
func (ToFloat) Name() string { return "to_float" }

// Infer implements kernels.Operator: (t I32) -> F32 of the same shape.
func (o ToFloat) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(o.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if in[0].DType != kernels.I32 {
		return nil, fmt.Errorf("to_float: input is %s, expected i32", in[0])
	}
	return []kernels.Spec{in[0].WithDType(kernels.F32)}, nil
}

// Cost implements kernels.Operator.
func (ToFloat) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (ToFloat) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (ToFloat) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "times", Op: ToFloat{}, In: []kernels.Input{kernels.RandInts(0, 1000, 5, 1, 1, 1)}, NoGrad: true},
		{Name: "many images", Op: ToFloat{}, In: []kernels.Input{kernels.RandInts(0, 1000, 300, 1, 1, 1)}, NoGrad: true},
		{Name: "odd", Op: ToFloat{}, In: []kernels.Input{kernels.RandInts(-100, 100, 2, 3, 1, 7)}, NoGrad: true},
	}
}

// Grad implements kernels.Operator: integers have no gradient.
func (ToFloat) Grad(_ kernels.Builder, n kernels.Node, dout []kernels.Value, _ []bool) []kernels.Value {
	d, _ := grads(n, dout)
	return d
}
