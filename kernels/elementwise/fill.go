package elementwise

import "github.com/unnoise/unnoise/kernels"

// Fill is a float32 tensor of one value.
type Fill struct {
	Value      float64
	N, H, W, C int
}

func init() {
	kernels.Register(Fill{},
		kernels.Reference(fillReference[float32], fillReference[float64]),
		kernels.Func("cpu", 1, "row stores", nil, nil, fillCPU))
}

// Name implements kernels.Operator.
func (Fill) Name() string { return "fill" }

// Infer implements kernels.Operator: () -> (N,H,W,C).
func (f Fill) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(f.Name(), in, 0, 0); err != nil {
		return nil, err
	}
	out := kernels.Dense(kernels.F32, f.N, f.H, f.W, f.C)
	return []kernels.Spec{out}, out.Valid()
}

// Cost implements kernels.Operator.
func (Fill) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (Fill) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Fill) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "odd", Op: Fill{0.3, 2, 3, 5, 7}, NoGrad: true},
		{Name: "one element", Op: Fill{-1, 1, 1, 1, 1}, NoGrad: true},
	}
}

// Grad implements kernels.Operator: there is no input.
func (Fill) Grad(_ kernels.Builder, n kernels.Node, dout []kernels.Value, _ []bool) []kernels.Value {
	d, _ := grads(n, dout)
	return d
}
