package embed

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Lookup gives each image the row of a table that its label names. An identifier outside the table gives NaN in the
// reference and an error in the fast kernel.
type Lookup struct{}

func init() {
	kernels.Register(Lookup{},
		kernels.Reference(lookupReference[float32], lookupReference[float64]),
		kernels.Func("cpu", 1, "rows", "row copies", elementwise.F32Only, nil, lookupCPU),
		gpu.Kernel(1, "vector", "rows 16-byte aligned: 16-byte accesses", lookupVectorSupports, nil, lookupVector),
		gpu.Kernel(2, "any_pitch", "any pitch", lookupSupports, nil, lookupAny))
}

// Name implements kernels.Operator.
func (Lookup) Name() string { return "lookup" }

// Infer implements kernels.Operator: (ids I32 (N,1,1,1), table (V,1,1,D)) -> (N,1,1,D).
func (l Lookup) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(l.Name(), in, 2, 2); err != nil {
		return nil, err
	}
	if err := elementwise.PerImage(l.Name(), "ids", in[0], kernels.I32, in[0].N); err != nil {
		return nil, err
	}
	if t := in[1]; t.DType == kernels.I32 || t.H != 1 || t.W != 1 {
		return nil, fmt.Errorf("lookup: table is %s, expected floating-point [rows,1,1,columns]", t)
	}
	return []kernels.Spec{kernels.Dense(in[1].DType, in[0].N, 1, 1, in[1].C)}, nil
}

// BF16Inputs implements kernels.MixedOperator.
func (Lookup) BF16Inputs() []int { return []int{1} }

// Cost implements kernels.Operator.
func (Lookup) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{Bytes: float64(in[0].Bytes() + 2*out[0].Bytes())}
}

// Tolerance implements kernels.Operator.
func (Lookup) Tolerance(kernels.DType) kernels.Tol { return kernels.Tol{Why: "copies are exact"} }

// Cases implements kernels.Operator.
func (Lookup) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "labels", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(0, 10, 7, 1, 1, 1), kernels.Randn(10, 1, 1, 33)}},
		{Name: "pitch", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(0, 3, 5, 1, 1, 1), kernels.RandnPitch(3, 1, 1, 8, 11)}},
		{Name: "several blocks", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(0, 7, 9, 1, 1, 1), kernels.Randn(7, 1, 1, 263)}, NoGrad: true},
		{Name: "one row", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(0, 1, 1, 1, 1, 1), kernels.Randn(1, 1, 1, 1)}},
	}
}

// Grad implements kernels.Operator: the table's gradient.
func (Lookup) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if dout[0].Ok() && need[1] {
		d[1] = kernels.Emit1(b, LookupGrad{Rows: n.In[1].Spec.N}, n.In[0], dout[0])
	}
	return d
}
