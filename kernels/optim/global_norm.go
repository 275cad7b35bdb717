package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// GlobalNorm is the Euclidean norm of all gradients together.
//
// Input: g f32 (1,1,1,P), the flat gradients, pads zero. Output: norm f32 (1,1,1,1).
type GlobalNorm struct{}

func init() {
	kernels.Register(GlobalNorm{},
		kernels.Reference(globalNormReference[float32], globalNormReference[float64]),
		kernels.Func("cpu", 1, "chunks", "vector sums over chunks, added in order", nil, nil, globalNormCPU),
		gpu.Kernel(1, "two_stage", "partial sums of blocks, added in order by one block", nil, globalNormScratch, globalNormCUDA))
}

// Name implements kernels.Operator.
func (GlobalNorm) Name() string { return "global_norm" }

// Infer implements kernels.Operator.
func (op GlobalNorm) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, fmt.Errorf("global_norm: operand g (input 0) is missing")
	}
	if err := expect(op.Name(), in, operand{name: "g"}); err != nil {
		return nil, err
	}
	return []kernels.Spec{kernels.Vector(kernels.F32, 1)}, nil
}

// Cost implements kernels.Operator.
func (GlobalNorm) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 2 * float64(in[0].C), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (GlobalNorm) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Rel: 1e-6, Why: "partial sums of a few thousand squares in float32 lanes, the rest in float64"}
}

// Grad implements kernels.Operator: the norm is not differentiated.
func (GlobalNorm) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return noGradient(n)
}

// Cases implements kernels.Operator.
func (GlobalNorm) Cases() []kernels.Case {
	c := func(name string, in kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: GlobalNorm{}, In: []kernels.Input{in}, NoGrad: true}
	}
	return []kernels.Case{
		c("one element", flat(1)),
		c("odd", flat(77)),
		c("pitch", kernels.RandnPitch(1, 1, 1, 17001, 17031)),
		c("several chunks", flat(3*chunk+5)),
		c("several warps of partial sums", flat(33*8192+3)),
		c("zeros", kernels.Input{Spec: flat(19).Spec, Fill: kernels.Zeros}),
	}
}
