package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Fill is a tensor of one value, rounded once to type DType (float32 unless set).
type Fill struct {
	Value float64       `key:"Value"`
	N     int           `key:"N"`
	H     int           `key:"H"`
	W     int           `key:"W"`
	C     int           `key:"C"`
	DType kernels.DType `key:"DType"`
}

func init() {
	kernels.Register(Fill{},
		kernels.Reference(fillReference[float32], fillReference[float64]),
		kernels.Func("cpu", 1, "rows", "row stores", nil, nil, fillCPU),
		gpu.Kernel(1, "vector", "16-byte stores", nil, nil, fillCUDA))
}

// Name implements kernels.Operator.
func (Fill) Name() string { return "fill" }

// Infer implements kernels.Operator: () -> (N,H,W,C).
func (f Fill) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := Inputs(f.Name(), in, 0, 0); err != nil {
		return nil, err
	}
	out := kernels.Dense(f.DType, f.N, f.H, f.W, f.C)
	if f.DType > kernels.BF16 {
		return nil, fmt.Errorf("fill: type %s, expected f32 or bf16", f.DType)
	}
	return []kernels.Spec{out}, out.Valid()
}

// Cost implements kernels.Operator.
func (Fill) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (Fill) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Fill) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "odd", Op: Fill{Value: 0.3, N: 2, H: 3, W: 5, C: 7}, NoGrad: true},
		{Name: "one element", Op: Fill{Value: -1, N: 1, H: 1, W: 1, C: 1}, NoGrad: true},
		{Name: "slice of odd pitch", Op: Fill{Value: 2.5, N: 2, H: 9, W: 15, C: 16}, NoGrad: true, OutPad: 5},
		{Name: "rows longer than a block", Op: Fill{Value: 7, N: 1, H: 1, W: 3, C: 2100}, NoGrad: true, OutPad: 16},
		{Name: "more rows than a block", Op: Fill{Value: 7, N: 2, H: 20, W: 9, C: 11}, NoGrad: true},
		{Name: "bf16 slice of odd pitch", Op: Fill{Value: 2.5, N: 2, H: 9, W: 15, C: 16, DType: kernels.BF16}, NoGrad: true, OutPad: 5},
		{Name: "bf16 more rows than a block", Op: Fill{Value: 7, N: 2, H: 20, W: 9, C: 11, DType: kernels.BF16}, NoGrad: true},
		{Name: "bf16 odd", Op: Fill{Value: 0.3, N: 2, H: 3, W: 5, C: 7, DType: kernels.BF16}, NoGrad: true},
		{Name: "bf16 dense", Op: Fill{Value: 100, N: 2, H: 3, W: 5, C: 16, DType: kernels.BF16}, NoGrad: true},
	}
}

// Grad implements kernels.Operator: there is no input.
func (Fill) Grad(_ kernels.Builder, n kernels.Node, dout []kernels.Value, _ []bool) []kernels.Value {
	d, _ := grads(n, dout)
	return d
}
