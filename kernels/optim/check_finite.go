package optim

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// The values of the flag that CheckFinite keeps.
const (
	FlagGood    = 0 // all steps so far were finite
	FlagBadLoss = 1 // a loss was NaN or infinite
	FlagBadNorm = 2 // a loss was finite but its gradient norm was not
)

// CheckFinite raises a flag when a step went wrong. The flag is sticky: once raised it keeps its value.
//
// Inputs: loss f32 (1,1,1,1), norm f32 (1,1,1,1), flag i32 (1,1,1,1). Output: flag, in place.
type CheckFinite struct{}

func init() {
	kernels.Register(CheckFinite{},
		kernels.Reference(checkFiniteReference[float32], checkFiniteReference[float64]),
		kernels.Func("cpu", 1, "scalar", "two comparisons", nil, nil, checkFiniteCPU),
		gpu.Kernel(1, "single_thread", "one thread", nil, nil, checkFiniteCUDA))
}

// Name implements kernels.Operator.
func (CheckFinite) Name() string { return "check_finite" }

// Alias implements kernels.InPlaceOperator.
func (CheckFinite) Alias(int) int { return 2 }

// Infer implements kernels.Operator.
func (op CheckFinite) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	err := expect(op.Name(), in, operand{"loss", kernels.F32, 1}, operand{"norm", kernels.F32, 1}, operand{"flag", kernels.I32, 1})
	if err != nil {
		return nil, err
	}
	return []kernels.Spec{*in[2]}, nil
}

// Cost implements kernels.Operator.
func (CheckFinite) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 2, Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (CheckFinite) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Why: "integers are exact"}
}

// Grad implements kernels.Operator: flags are not differentiated.
func (CheckFinite) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return noGradient(n)
}

// Cases implements kernels.Operator.
func (CheckFinite) Cases() []kernels.Case {
	c := func(name string, loss, norm kernels.Input, flag int) kernels.Case {
		return kernels.Case{Name: name, Op: CheckFinite{}, In: []kernels.Input{loss, norm, flagOf(flag)}, NoGrad: true}
	}
	good, bad := scalar(0, 1), scalar(1e39, 2e39) // the second overflows to infinity in float32
	return []kernels.Case{
		c("finite", good, good, FlagGood),
		c("bad loss", bad, good, FlagGood),
		c("bad norm", good, bad, FlagGood),
		c("both bad", bad, bad, FlagGood),
		c("sticky", good, bad, FlagBadLoss),
		c("sticky after a good step", good, good, FlagBadNorm),
	}
}
