package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Copy is y = x, for tensors that cannot be placed where they are needed. An accumulating output is added to.
type Copy struct{}

func init() {
	kernels.Register(Copy{},
		kernels.Reference(copyReference[float32], copyReference[float64]),
		kernels.Func("cpu", 1, "blocks", "copies of dense blocks or rows", F32Only, nil, copyCPU),
		gpu.Kernel(1, "vector", "16-byte accesses, four rows in flight a thread", nil, nil, copyCUDA))
}

// Name implements kernels.Operator.
func (Copy) Name() string { return "copy" }

// Infer implements kernels.Operator: (x) -> y of the same shape.
func (o Copy) Infer(in []*kernels.Spec) ([]kernels.Spec, error) { return unary(o.Name(), in) }

// Accumulates implements kernels.AccumulatingOperator.
func (Copy) Accumulates(int) bool { return true }

// BF16Inputs implements kernels.MixedOperator.
func (Copy) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (Copy) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (Copy) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Copy) Cases() []kernels.Case {
	return append([]kernels.Case{
		{Name: "odd", Op: Copy{}, In: []kernels.Input{kernels.Randn(2, 3, 5, 7)}},
		{Name: "dense", Op: Copy{}, In: []kernels.Input{kernels.Randn(1, 2, 3, 16)}},
		{Name: "pitch", Op: Copy{}, In: []kernels.Input{kernels.RandnPitch(1, 3, 3, 10, 37)}},
	}, layouts(Copy{}, "", 1)...)
}

// Grad implements kernels.Operator.
func (Copy) Grad(_ kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = dout[0]
	}
	return d
}
