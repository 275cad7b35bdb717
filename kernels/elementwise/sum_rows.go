package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// SumRows sums over N, H and W to float32 (1,1,1,C), the gradient of a bias, or with PerImage over H and W to (N,1,1,C) of the
// input's type. An accumulating output is added to.
type SumRows struct {
	PerImage bool `key:"PerImage"`
}

func init() {
	kernels.Register(SumRows{},
		kernels.Reference(sumRowsReference[float32], sumRowsReference[float64]),
		kernels.Func("cpu", 1, "blocks", "column sums of row blocks, added in order", F32Only, nil, sumRowsCPU),
		gpu.Kernel(1, "two_stage", "parts of the rows in a fixed order, then their sum", nil, sumRowsScratch, sumRowsCUDA))
}

// Name implements kernels.Operator.
func (SumRows) Name() string { return "sum_rows" }

// Infer implements kernels.Operator: (x) -> F32 (1,1,1,C), or (N,1,1,C) of the type of x.
func (s SumRows) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if _, err := unary(s.Name(), in); err != nil {
		return nil, err
	}
	if s.PerImage {
		return []kernels.Spec{kernels.Dense(in[0].DType, in[0].N, 1, 1, in[0].C)}, nil
	}
	return []kernels.Spec{kernels.Dense(kernels.F32, 1, 1, 1, in[0].C)}, nil
}

// Accumulates implements kernels.AccumulatingOperator.
func (SumRows) Accumulates(int) bool { return true }

// BF16Inputs implements kernels.MixedOperator.
func (SumRows) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (SumRows) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: float64(in[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (SumRows) Tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return Tolerance(d)
	}
	return kernels.Tol{Abs: 1e-4, Rel: 1e-6, Why: "float32 sums of up to 256 normal draws, at most 20 of them added in float64: 2e-8 of the sum of magnitudes"}
}

// Cases implements kernels.Operator.
func (SumRows) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "all", Op: SumRows{}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7)}},
		{Name: "all in blocks", Op: SumRows{}, In: []kernels.Input{noGrad(kernels.RandnPitch(3, 40, 40, 33, 37))}, NoGrad: true},
		{Name: "all of full vectors", Op: SumRows{}, In: []kernels.Input{noGrad(kernels.Randn(2, 3, 5, 24))}, NoGrad: true},
		{Name: "all of odd pitch", Op: SumRows{}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 9, 5, 7, 9))}, NoGrad: true},
		{Name: "per image", Op: SumRows{PerImage: true}, In: []kernels.Input{kernels.RandnPitch(3, 3, 5, 10, 17)}},
		{Name: "all by vectors", Op: SumRows{}, In: []kernels.Input{noGrad(kernels.RandnPitch(1, 17, 16, 135, 144))}, NoGrad: true},
		{Name: "per image by vectors", Op: SumRows{PerImage: true}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 15, 13, 135, 144))}, NoGrad: true},
		{Name: "per image of odd pitch", Op: SumRows{PerImage: true}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 15, 13, 35, 37))}, NoGrad: true},
		{Name: "per image in parts", Op: SumRows{PerImage: true}, In: []kernels.Input{noGrad(kernels.RandnPitch(1, 33, 98, 70, 71))}, NoGrad: true, OutPad: 5},
		{Name: "one row", Op: SumRows{PerImage: true}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator.
func (SumRows) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		s := n.In[0].Spec
		d[0] = kernels.Emit1(b, Broadcast{s.N, s.H, s.W}, castTo(b, dout[0], s.DType))
	}
	return d
}
