package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// AdamW is one step of Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), of clipping by the global
// norm before it and of the exponential moving average of the parameters after it. With c = min(1, ClipNorm/(norm + 1e-6)),
// or 1 where ClipNorm is 0, and everything else from the step's state:
//
//	g' = c g;  p = p - lr wd p (the first DecayElements elements);  m = b1 m + (1-b1) g';  v = b2 v + (1-b2) g'^2
//	p = p - lr (m/Correction1) / (sqrt(v/Correction2) + Epsilon);  ema = EMADecay ema + (1-EMADecay) p
//
// Nothing at all happens while the flag is not zero.
//
// Inputs: p, m, v, ema, g f32 (1,1,1,P), norm f32 (1,1,1,1), flag i32 (1,1,1,1). Outputs: p, m, v, ema, in place.
type AdamW struct{ DecayElements int }

// clipEpsilon keeps the clipping factor finite; the value is that of PyTorch's clip_grad_norm_.
const clipEpsilon = 1e-6

func init() {
	kernels.Register(AdamW{},
		kernels.Reference(adamWReference[float32], adamWReference[float64]),
		kernels.Func("cpu", 1, "one vector pass over all five arrays", nil, nil, adamWCPU))
}

// Name implements kernels.Operator.
func (AdamW) Name() string { return "adamw" }

// Alias implements kernels.InPlaceOperator.
func (AdamW) Alias(i int) int { return i }

// Infer implements kernels.Operator.
func (op AdamW) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, fmt.Errorf("adamw: operand p (input 0) is missing")
	}
	err := expect(op.Name(), in, operand{name: "p"}, operand{name: "m"}, operand{name: "v"}, operand{name: "ema"},
		operand{name: "g"}, operand{"norm", kernels.F32, 1}, operand{"flag", kernels.I32, 1})
	if err != nil {
		return nil, err
	}
	if op.DecayElements < 0 || op.DecayElements > in[0].C {
		return nil, fmt.Errorf("adamw: DecayElements is %d, expected 0 to %d for p %s", op.DecayElements, in[0].C, in[0])
	}
	return []kernels.Spec{*in[0], *in[1], *in[2], *in[3]}, nil
}

// Cost implements kernels.Operator.
func (AdamW) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 18 * float64(in[0].C), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (AdamW) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 2e-6, Why: "some ten float32 roundings of numbers of order one"}
}

// Grad implements kernels.Operator: an optimizer is not differentiated.
func (AdamW) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return noGradient(n)
}

// Cases implements kernels.Operator.
func (AdamW) Cases() []kernels.Case {
	state := kernels.StepState{LearningRate: 1e-2, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8,
		Correction1: 1 - 0.9*0.9*0.9, Correction2: 1 - 0.99*0.99*0.99, EMADecay: 0.75}
	c := func(name string, count, decay int, clip, norm float64, flag int) kernels.Case {
		s := state
		s.ClipNorm = clip
		positive := kernels.RandUniform(0, 1, 1, 1, 1, count)
		return kernels.Case{Name: name, Op: AdamW{DecayElements: decay}, State: s, NoGrad: true,
			In: []kernels.Input{flat(count), flat(count), positive, flat(count), flat(count), scalar(norm, norm+0.5), flagOf(flag)}}
	}
	return []kernels.Case{
		c("one element", 1, 1, 0, 1, FlagGood),
		c("decay in part", 77, 33, 0, 1, FlagGood),
		c("no decay", 40, 0, 0, 1, FlagGood),
		c("clipped", 61, 61, 1, 3, FlagGood),
		c("below the clip", 61, 5, 10, 3, FlagGood),
		c("several chunks", 2*chunk+9, chunk+3, 1, 5, FlagGood),
		c("bad step", 50, 20, 1, 3, FlagBadNorm),
	}
}
