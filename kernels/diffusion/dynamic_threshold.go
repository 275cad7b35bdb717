package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// DynamicThreshold is the limit of |x_0| for each sample in dynamic thresholding (Saharia et al. 2022, section 2.3): the quantile Ratio
// of |X0FromX x + X0FromOut out| over the elements of the sample, held to 1..Max. The coefficients are those of the row
// State.ChainIndex of ReverseUpdate's table, whose limit it is. The quantile lies between two order statistics, linearly as in numpy and
// PyTorch: it is element Ratio (n - 1) of the n sorted ones. A sample with a NaN has the limit NaN, and so have all where the chain index
// lies outside the table; that is an error in the fast kernel.
type DynamicThreshold struct {
	Ratio float64 `key:"Ratio"` // 0..1
	Max   float64 `key:"Max"`
}

func init() {
	kernels.Register(DynamicThreshold{},
		kernels.Reference(dynamicThresholdReference[float32], dynamicThresholdReference[float64]),
		kernels.Func("cpu", 1, "radix_select", "one sample a task: exact selection by the bits of floats", elementwise.F32Only,
			dynamicThresholdWorkspace, dynamicThresholdCPU),
		gpu.Kernel(1, "block_per_sample", "one block a sample: exact selection, eight bits of the float a pass", nil, nil, dynamicThresholdCUDA))
}

// Name implements kernels.Operator.
func (DynamicThreshold) Name() string { return "dynamic_threshold" }

// Infer implements kernels.Operator: (x F32 (N,H,W,C), out, table F32 (S,1,1,columns of ReverseUpdate)) -> limit F32 (N,1,1,1).
func (o DynamicThreshold) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 3, 3); err != nil {
		return nil, err
	}
	if !(o.Ratio >= 0 && o.Ratio <= 1) || !(o.Max >= 1) {
		return nil, fmt.Errorf("%s: ratio %g and greatest limit %g, expected 0..1 and at least 1", o.Name(), o.Ratio, o.Max)
	}
	x, out, table := in[0], in[1], in[2]
	if x.DType != kernels.F32 {
		return nil, fmt.Errorf("%s: state is %s, expected f32", o.Name(), x)
	}
	if err := elementwise.SameShapes(o.Name(), x, out); err != nil {
		return nil, err
	}
	if table.DType != kernels.F32 || table.H != 1 || table.W != 1 || table.C < UpdateColumns {
		return nil, fmt.Errorf("%s: table is %s, expected f32[S,1,1,%d or more]", o.Name(), table, UpdateColumns)
	}
	return []kernels.Spec{kernels.Dense(kernels.F32, x.N, 1, 1, 1)}, nil
}

// Cost implements kernels.Operator: the passes after the first read what a cache may hold.
func (DynamicThreshold) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 3 * selectPasses * float64(in[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (DynamicThreshold) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "a few float32 roundings of x_0 and of the interpolation"}
}

// Cases implements kernels.Operator.
func (DynamicThreshold) Cases() []kernels.Case {
	state := kernels.StepState{ChainIndex: 3}
	wide := kernels.RandUniform(0.5, 2, 7, 1, 1, UpdateColumns)
	c := func(name string, ratio, most float64, x kernels.Input, table kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: DynamicThreshold{ratio, most}, State: state, NoGrad: true, In: []kernels.Input{x, x, table}}
	}
	zero := kernels.Input{Spec: wide.Spec, Fill: kernels.Zeros}
	return []kernels.Case{
		c("median", 0.5, 100, kernels.Randn(3, 5, 7, 3), wide),
		c("high, pitches", 0.95, 100, kernels.RandnPitch(4, 9, 5, 3, 5), wide),
		c("highest", 1, 100, kernels.Randn(2, 3, 5, 8), wide),
		c("lowest, held to 1", 0, 100, kernels.Randn(2, 3, 5, 8), wide),
		c("held to the greatest", 0.9, 1.25, kernels.Randn(2, 3, 5, 8), wide),
		c("more elements than a block", 0.875, 100, kernels.Randn(2, 17, 19, 3), wide),
		c("one element", 0.5, 100, kernels.Randn(3, 1, 1, 1), wide),
		c("two elements", 0.75, 100, kernels.Randn(3, 1, 1, 2), wide),
		c("all equal", 0.7, 100, kernels.Randn(2, 3, 3, 3), zero),
		{Name: "ties", Op: DynamicThreshold{0.6, 100}, State: state, NoGrad: true,
			In: []kernels.Input{ties, kernels.Input{Spec: ties.Spec, Fill: kernels.Zeros}, wide}},
	}
}

// ties is a sample whose elements are few different numbers.
var ties = kernels.Values(1, 1, 4, 3, 3, -1, 2, 2, -3, 3, 1, 2, -2, 3, 1, 4)

// Grad implements kernels.Operator: samplers with limits have no gradient.
func (DynamicThreshold) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
