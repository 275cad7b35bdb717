package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
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
// Inputs: p, m, v, ema, g f32 (1,1,1,P), norm f32 (1,1,1,1), flag i32 (1,1,1,1), copy bf16 (1,1,1,P) or absent: the weights that
// networks compute with. Outputs: p, m, v, ema and, where it is given, copy (the new p, rounded), in place.
type AdamW struct {
	DecayElements int `key:"DecayElements"`
}

// clipEpsilon keeps the clipping factor finite; the value is that of PyTorch's clip_grad_norm_.
const clipEpsilon = 1e-6

func init() {
	kernels.Register(AdamW{},
		kernels.Reference(adamWReference[float32], adamWReference[float64]),
		kernels.Func("cpu", 1, "vector", "one vector pass over all five arrays", nil, nil, adamWCPU),
		gpu.Kernel(1, "vector", "one pass over all arrays", nil, nil, adamWCUDA))
}

// Name implements kernels.Operator.
func (AdamW) Name() string { return "adamw" }

// Alias implements kernels.InPlaceOperator.
func (AdamW) Alias(i int) int {
	if i == 4 {
		return 7
	}
	return i
}

// Infer implements kernels.Operator.
func (op AdamW) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, fmt.Errorf("adamw: operand p (input 0) is missing")
	}
	want := []operand{{name: "p"}, {name: "m"}, {name: "v"}, {name: "ema"}, {name: "g"}, {"norm", kernels.F32, 1}, {"flag", kernels.I32, 1}}
	if len(in) == 8 && in[7] == nil {
		in = in[:7]
	}
	if len(in) == 8 {
		want = append(want, operand{name: "copy", dtype: kernels.BF16})
	}
	if err := expect(op.Name(), in, want...); err != nil {
		return nil, err
	}
	if op.DecayElements < 0 || op.DecayElements > in[0].C {
		return nil, fmt.Errorf("adamw: DecayElements is %d, expected 0 to %d for p %s", op.DecayElements, in[0].C, in[0])
	}
	out := []kernels.Spec{*in[0], *in[1], *in[2], *in[3]}
	if len(in) == 8 {
		out = append(out, *in[7])
	}
	return out, nil
}

// Cost implements kernels.Operator.
func (AdamW) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 18 * float64(in[0].C), Bytes: kernels.IOBytes(in[:7], out)} // the copy is only written
}

// Tolerance implements kernels.Operator.
func (AdamW) Tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 1e-6, Rel: 1.0 / 128, Why: "the next bf16 number, where p lies near the middle between two"}
	}
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
		c("not clipped for a norm of nothing", 12, 4, 1, 0, FlagGood),
		copied("copy", c("", 2077, 1029, 1, 3, FlagGood), 2077),
		copied("copy of a bad step", c("", 50, 20, 1, 3, FlagBadLoss), 50),
		copied("copy, decay up to the last element but one", c("", 7, 6, 0, 1, FlagGood), 7),
		copied("copy, decay up to a vector", c("", 1024, 516, 0, 1, FlagGood), 1024),
		odd("odd pitches", c("", 523, 300, 1, 3, FlagGood)),
		odd("odd pitches, bad step", c("", 5, 3, 1, 3, FlagBadLoss)),
		odd("odd pitches, copy", copied("", c("", 300, 299, 0, 3, FlagGood), 300)),
	}
}

// odd gives the arrays of a case pitches that no vector divides.
func odd(name string, c kernels.Case) kernels.Case {
	c.Name = name
	for i, in := range c.In {
		if in.Spec.C > 1 {
			s := *in.Spec
			s.Pitch = s.C | 1
			c.In[i].Spec = &s
		}
	}
	return c
}

// copied adds the bf16 copy to a case.
func copied(name string, c kernels.Case, count int) kernels.Case {
	s := kernels.Vector(kernels.BF16, count)
	c.Name, c.In = name, append(c.In, kernels.Input{Spec: &s})
	return c
}
