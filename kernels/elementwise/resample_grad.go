package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ResampleGrad is the gradient of Resample for an input of height H and width W.
type ResampleGrad struct {
	Kind Resampling `key:"Kind"`
	H    int        `key:"H"`
	W    int        `key:"W"`
}

func init() {
	kernels.Register(ResampleGrad{},
		kernels.Reference(resampleGradReference[float32], resampleGradReference[float64]),
		kernels.Func("cpu", 1, "rows", "row loops, one line a task", F32Only, nil, resampleGradCPU),
		gpu.Kernel(1, "block_per_row", "one block a line, 16-byte accesses", nil, nil, resampleGradCUDA))
}

// Name implements kernels.Operator.
func (ResampleGrad) Name() string { return "resample_grad" }

// Infer implements kernels.Operator: (dy) -> dx (N,H,W,C).
func (r ResampleGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if _, err := unary(r.Name(), in); err != nil {
		return nil, err
	}
	dy := in[0]
	if r.Kind > Nearest2 {
		return nil, fmt.Errorf("resample_grad: unknown %s", r.Kind)
	}
	if dy.H != r.Kind.out(r.H) || dy.W != r.Kind.out(r.W) {
		return nil, fmt.Errorf("resample_grad: gradient is %s, expected %d x %d pixels: %s of %d x %d",
			dy, r.Kind.out(r.H), r.Kind.out(r.W), r.Kind, r.H, r.W)
	}
	out := kernels.Dense(dy.DType, dy.N, r.H, r.W, dy.C)
	return []kernels.Spec{out}, out.Valid()
}

// BF16Inputs implements kernels.MixedOperator.
func (ResampleGrad) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (r ResampleGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	if r.Kind == Nearest2 {
		return flops(3, in, out)
	}
	return flops(1, in, out)
}

// Tolerance implements kernels.Operator.
func (ResampleGrad) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (ResampleGrad) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "pool", Op: ResampleGrad{AvgPool2, 4, 6}, In: []kernels.Input{kernels.Randn(2, 2, 3, 7)}},
		{Name: "pool odd", Op: ResampleGrad{AvgPool2, 5, 7}, In: []kernels.Input{kernels.RandnPitch(2, 2, 3, 16, 17)}},
		{Name: "pool odd vectors", Op: ResampleGrad{AvgPool2, 5, 7}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 2, 3, 23, 32))}, NoGrad: true},
		{Name: "pool odd slice", Op: ResampleGrad{AvgPool2, 5, 7}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 2, 3, 19, 32))}, NoGrad: true, OutPad: 5},
		{Name: "nearest", Op: ResampleGrad{Nearest2, 3, 2}, In: []kernels.Input{kernels.Randn(2, 6, 4, 7)}},
		{Name: "nearest one pixel", Op: ResampleGrad{Nearest2, 1, 1}, In: []kernels.Input{kernels.RandnPitch(1, 2, 2, 10, 19)}},
	}
}

// Grad implements kernels.Operator.
func (r ResampleGrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = kernels.Emit1(b, Resample{r.Kind}, dout[0])
	}
	return d
}
