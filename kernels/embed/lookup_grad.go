package embed

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// LookupGrad is the gradient of Lookup's table of Rows rows: each row is the sum of the gradients of the images that took
// it. Identifiers outside the table add nothing. An accumulating output is added to.
type LookupGrad struct {
	Rows int `key:"Rows"`
}

func init() {
	kernels.Register(LookupGrad{},
		kernels.Reference(lookupGradReference[float32], lookupGradReference[float64]),
		kernels.Func("cpu", 1, "table_rows", "one table row a task, images in order", elementwise.F32Only, nil, lookupGradCPU),
		gpu.Kernel(1, "vector", "rows aligned to four elements: four columns an access", lookupGradVectorSupports, nil, lookupGradVector),
		gpu.Kernel(2, "any_pitch", "any pitch", nil, nil, lookupGradAny))
}

// Name implements kernels.Operator.
func (LookupGrad) Name() string { return "lookup_grad" }

// Infer implements kernels.Operator: (ids I32 (N,1,1,1), dy (N,1,1,D)) -> dtable F32 (Rows,1,1,D).
func (l LookupGrad) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(l.Name(), in, 2, 2); err != nil {
		return nil, err
	}
	dy := in[1]
	if dy.DType == kernels.I32 || dy.H != 1 || dy.W != 1 {
		return nil, fmt.Errorf("lookup_grad: gradient is %s, expected floating-point [N,1,1,columns]", dy)
	}
	if err := elementwise.PerImage(l.Name(), "ids", in[0], kernels.I32, dy.N); err != nil {
		return nil, err
	}
	out := kernels.Dense(kernels.F32, l.Rows, 1, 1, dy.C)
	return []kernels.Spec{out}, out.Valid()
}

// BF16Inputs implements kernels.MixedOperator.
func (LookupGrad) BF16Inputs() []int { return []int{1} }

// Accumulates implements kernels.AccumulatingOperator.
func (LookupGrad) Accumulates(int) bool { return true }

// Cost implements kernels.Operator.
func (LookupGrad) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: float64(in[1].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (LookupGrad) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-5, Rel: 1e-5, Why: "float32 sums of the images that share a row"}
}

// Cases implements kernels.Operator.
func (LookupGrad) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "shared and unused rows", Op: LookupGrad{10}, In: []kernels.Input{kernels.RandInts(0, 6, 9, 1, 1, 1), kernels.Randn(9, 1, 1, 33)}},
		{Name: "pitch", Op: LookupGrad{3}, In: []kernels.Input{kernels.RandInts(0, 3, 5, 1, 1, 1), kernels.RandnPitch(5, 1, 1, 8, 11)}},
		{Name: "several blocks", Op: LookupGrad{7}, In: []kernels.Input{kernels.RandInts(-1, 8, 75, 1, 1, 1), kernels.Randn(75, 1, 1, 263)}, NoGrad: true},
		{Name: "narrow", Op: LookupGrad{3}, In: []kernels.Input{kernels.RandInts(0, 3, 5, 1, 1, 1), kernels.Randn(5, 1, 1, 6)}},
		{Name: "one row", Op: LookupGrad{1}, In: []kernels.Input{kernels.RandInts(0, 1, 1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator.
func (LookupGrad) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if dout[0].Ok() && need[1] {
		d[1] = kernels.Emit1(b, Lookup{}, n.In[0], dout[0])
	}
	return d
}
