package rng

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// UniformIntDraw is one integer of 0..Max-1 for each of N samples, such as the time step of a training sample: the first
// word drawn for (State.Seed, State.SampleBase+n, State.Step, Stream), mapped by UniformInt.
type UniformIntDraw struct {
	N      int    `key:"N"`
	Max    int    `key:"Max"`
	Stream uint32 `key:"-"`
}

func init() {
	kernels.Register(UniformIntDraw{},
		kernels.Reference(uniformIntDrawReference, uniformIntDrawReference),
		kernels.Func("cpu", 1, "scalar", "the reference: a few words", nil, nil, func(_ kernels.Queue, c *kernels.Call) error {
			uniformIntDrawReference(c)
			return nil
		}),
		gpu.Kernel(1, "thread_per_sample", "one thread a sample", nil, nil, uniformIntDrawCUDA))
}

// Name implements kernels.Operator.
func (UniformIntDraw) Name() string { return "uniform_int_draw" }

// Infer implements kernels.Operator: () -> I32 (N,1,1,1).
func (d UniformIntDraw) Infer([]*kernels.Spec) ([]kernels.Spec, error) {
	if d.Max < 1 || d.Max > math.MaxInt32 {
		return nil, fmt.Errorf("uniform_int_draw: maximum %d, expected 1 to %d", d.Max, math.MaxInt32)
	}
	out := kernels.Dense(kernels.I32, d.N, 1, 1, 1)
	return []kernels.Spec{out}, out.Valid()
}

// Cost implements kernels.Operator.
func (UniformIntDraw) Cost(_ []*kernels.Spec, out []kernels.Spec) kernels.Cost { return drawCost(out) }

// Tolerance implements kernels.Operator.
func (UniformIntDraw) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Why: "integers are exact"}
}

// Cases implements kernels.Operator.
func (UniformIntDraw) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 42, Step: 7, SampleBase: 1 << 20}
	return []kernels.Case{
		{Name: "times", Op: UniformIntDraw{65, 1000, 99}, State: state, NoGrad: true},
		{Name: "several blocks", Op: UniformIntDraw{300, math.MaxInt32, 99}, State: state, NoGrad: true},
		{Name: "single value", Op: UniformIntDraw{3, 1, 99}, State: state, NoGrad: true},
	}
}

// Grad implements kernels.Operator: there is no input.
func (UniformIntDraw) Grad(kernels.Builder, kernels.Node, []kernels.Value, []bool) []kernels.Value {
	return nil
}
