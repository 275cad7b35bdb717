package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ChainTime fills the times of a batch from a sampler's table: t[n] = table[State.ChainIndex], whole or fractional. A chain index outside
// the table gives NaN in the reference and an error in the fast kernel.
type ChainTime struct {
	N int `key:"N"`
}

func init() {
	kernels.Register(ChainTime{}, kernels.Reference(chainTimeReference[float32], chainTimeReference[float64]),
		kernels.Func("cpu", 1, "scalar", "a loop over the batch", nil, nil, chainTimeCPU),
		gpu.Kernel(1, "thread_per_image", "one thread an image", nil, nil, chainTimeCUDA))
}

// Name implements kernels.Operator.
func (ChainTime) Name() string { return "chain_time" }

// Infer implements kernels.Operator: (table F32 (S,1,1,1)) -> t F32 (N,1,1,1).
func (o ChainTime) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) != 1 || in[0] == nil || in[0].DType != kernels.F32 || in[0].C != 1 || o.N < 1 {
		return nil, fmt.Errorf("takes a table of times, f32 (S,1,1,1), and a batch size")
	}
	return []kernels.Spec{kernels.Dense(kernels.F32, o.N, 1, 1, 1)}, nil
}

// Cost implements kernels.Operator.
func (ChainTime) Cost(_ []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{Bytes: float64(4 + out[0].Bytes())}
}

// Tolerance implements kernels.Operator.
func (ChainTime) Tolerance(kernels.DType) kernels.Tol { return kernels.Tol{Why: "numbers are copied"} }

// Cases implements kernels.Operator.
func (ChainTime) Cases() []kernels.Case {
	var cases []kernels.Case
	for _, n := range []int{1, 3, 300} {
		cases = append(cases, kernels.Case{Name: fmt.Sprintf("batch %d", n), Op: ChainTime{n}, In: []kernels.Input{kernels.RandUniform(0, 1000, 5, 1, 1, 1)},
			State: kernels.StepState{ChainIndex: 3}, NoGrad: true})
	}
	return cases
}

// Grad implements kernels.Operator: times are given numbers and have none.
func (ChainTime) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
