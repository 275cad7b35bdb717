package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Broadcast repeats a row (1,1,1,C), or one row for each image (N,1,1,C), over N x H x W rows.
type Broadcast struct {
	N int `key:"N"`
	H int `key:"H"`
	W int `key:"W"`
}

func init() {
	kernels.Register(Broadcast{},
		kernels.Reference(broadcastReference[float32], broadcastReference[float64]),
		kernels.Func("cpu", 1, "rows", "row copies", F32Only, nil, broadcastCPU),
		gpu.Kernel(1, "vector", "16-byte stores, rows of the source from the caches", nil, nil, broadcastCUDA))
}

// Name implements kernels.Operator.
func (Broadcast) Name() string { return "broadcast" }

// Infer implements kernels.Operator: (b (1,1,1,C) or (N,1,1,C)) -> (N,H,W,C).
func (o Broadcast) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if _, err := unary(o.Name(), in); err != nil {
		return nil, err
	}
	b := in[0]
	if b.H != 1 || b.W != 1 || (b.N != 1 && b.N != o.N) {
		return nil, fmt.Errorf("broadcast: input is %s, expected one row or one row for each of %d images", b, o.N)
	}
	out := kernels.Dense(b.DType, o.N, o.H, o.W, b.C)
	return []kernels.Spec{out}, out.Valid()
}

// BF16Inputs implements kernels.MixedOperator.
func (Broadcast) BF16Inputs() []int { return []int{0} }

// Cost implements kernels.Operator.
func (Broadcast) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (Broadcast) Tolerance(d kernels.DType) kernels.Tol { return Tolerance(d) }

// Cases implements kernels.Operator.
func (Broadcast) Cases() []kernels.Case {
	return []kernels.Case{
		{Name: "row", Op: Broadcast{2, 3, 5}, In: []kernels.Input{kernels.Randn(1, 1, 1, 7)}},
		{Name: "row for each image", Op: Broadcast{3, 2, 2}, In: []kernels.Input{kernels.RandnPitch(3, 1, 1, 10, 21)}},
		{Name: "one row", Op: Broadcast{1, 1, 1}, In: []kernels.Input{kernels.Randn(1, 1, 1, 1)}},
		{Name: "slice of odd pitch", Op: Broadcast{7, 3, 3}, In: []kernels.Input{noGrad(kernels.Randn(7, 1, 1, 19))}, NoGrad: true, OutPad: 5},
		{Name: "rows longer than a block", Op: Broadcast{3, 1, 2}, In: []kernels.Input{noGrad(kernels.RandnPitch(3, 1, 1, 2100, 2120))}, NoGrad: true},
		{Name: "blocks", Op: Broadcast{3, 30, 30}, In: []kernels.Input{noGrad(kernels.Randn(3, 1, 1, 16))}, NoGrad: true},
	}
}

// Grad implements kernels.Operator.
func (Broadcast) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		sum := kernels.Emit1(b, SumRows{PerImage: n.In[0].Spec.N == dout[0].Spec.N}, dout[0])
		d[0] = castTo(b, sum, n.In[0].Spec.DType)
	}
	return d
}
