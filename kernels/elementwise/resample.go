package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Resampling is a change of resolution by two.
type Resampling uint8

// The resamplings.
const (
	AvgPool2 Resampling = iota // mean of 2 x 2 pixels, stride 2; the last row or column of an odd size is left out
	Nearest2                   // each pixel becomes 2 x 2 pixels
)

func (r Resampling) String() string {
	switch r {
	case AvgPool2:
		return "avgpool2"
	case Nearest2:
		return "nearest2"
	}
	return fmt.Sprintf("Resampling(%d)", uint8(r))
}

// out returns the size that a size becomes.
func (r Resampling) out(n int) int {
	if r == AvgPool2 {
		return n / 2
	}
	return n * 2
}

// Resample halves or doubles height and width.
type Resample struct {
	Kind Resampling `key:"Kind"`
}

func init() {
	kernels.Register(Resample{},
		kernels.Reference(resampleReference[float32], resampleReference[float64]),
		kernels.Func("cpu", 1, "rows", "row loops, one output line a task", F32Only, nil, resampleCPU),
		gpu.Kernel(1, "block_per_row", "one block a line, 16-byte accesses", nil, nil, resampleCUDA))
}

// Name implements kernels.Operator.
func (Resample) Name() string { return "resample" }

// Infer implements kernels.Operator: (x (N,H,W,C)) -> (N,H/2,W/2,C) or (N,2H,2W,C).
func (r Resample) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if _, err := unary(r.Name(), in); err != nil {
		return nil, err
	}
	x := in[0]
	if r.Kind > Nearest2 {
		return nil, fmt.Errorf("resample: unknown %s", r.Kind)
	}
	out := kernels.Dense(x.DType, x.N, r.Kind.out(x.H), r.Kind.out(x.W), x.C)
	if err := out.Valid(); err != nil {
		return nil, fmt.Errorf("resample: %s of %s is impossible: %w", r.Kind, x, err)
	}
	return []kernels.Spec{out}, nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Resample) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (r Resample) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	if r.Kind == Nearest2 {
		return flops(0, in, out)
	}
	return flops(4, in, out)
}

// Tolerance implements kernels.Operator.
func (Resample) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Resample) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "pool", Op: Resample{AvgPool2}, In: []kernels.Input{kernels.Randn(2, 4, 6, 7)}},
		{Name: "pool odd", Op: Resample{AvgPool2}, In: []kernels.Input{kernels.RandnPitch(2, 5, 7, 16, 17)}},
		{Name: "pool to one pixel", Op: Resample{AvgPool2}, In: []kernels.Input{kernels.Randn(1, 3, 2, 1)}},
		{Name: "pool wide", Op: Resample{AvgPool2}, In: []kernels.Input{noGrad(kernels.RandnPitch(1, 3, 4, 2100, 2120))}, NoGrad: true},
		{Name: "pool slice of odd pitch", Op: Resample{AvgPool2}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 4, 9, 19, 32))}, NoGrad: true, OutPad: 5},
		{Name: "nearest wide", Op: Resample{Nearest2}, In: []kernels.Input{noGrad(kernels.RandnPitch(1, 1, 2, 2100, 2120))}, NoGrad: true},
		{Name: "nearest slice of odd pitch", Op: Resample{Nearest2}, In: []kernels.Input{noGrad(kernels.RandnPitch(2, 2, 9, 19, 32))}, NoGrad: true, OutPad: 5},
		{Name: "nearest", Op: Resample{Nearest2}, In: []kernels.Input{kernels.Randn(2, 3, 2, 7)}},
		{Name: "nearest one pixel", Op: Resample{Nearest2}, In: []kernels.Input{kernels.RandnPitch(1, 1, 1, 10, 19)}},
	}
}

// Grad implements kernels.Operator.
func (r Resample) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = kernels.Emit1(b, ResampleGrad{r.Kind, n.In[0].Spec.H, n.In[0].Spec.W}, dout[0])
	}
	return d
}
