// Package diffusion holds the operators of the forward and reverse processes. Coefficients are per-step tables that
// engine/diffusion computes in float64.
package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Noising draws x_t given x_0 and the network's target in one pass (Ho, Jain and Abbeel 2020, equation 4):
//
//	x_t    = table[t][0] x_0 + table[t][1] eps    usually sqrt(abar_t), sqrt(1 - abar_t)
//	target = table[t][2] x_0 + table[t][3] eps    (0, 1) for eps, (1, 0) for x_0, (-sqrt(1 - abar_t), sqrt(abar_t)) for v
//
// eps is given, or drawn as rng.NormalDraw draws it. A time outside the table gives NaN in the reference and an error in the
// fast kernel. Transpose exchanges columns 1 and 2, which turns the operator into its own gradient.
type Noising struct {
	Stream    uint32 `key:"-"`
	Transpose bool   `key:"Transpose"`
}

func init() {
	kernels.Register(Noising{},
		kernels.Reference(noisingReference[float32], noisingReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task: draw, then one pass", elementwise.F32Only, noisingWorkspace, noisingCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses, eps in registers", noisingVectorSupports, nil, noisingVector),
		gpu.Kernel(2, "any_pitch", "any pitch: neighbouring lanes access neighbouring elements", groupsSupports, nil, noisingRows))
}

// Name implements kernels.Operator.
func (Noising) Name() string { return "noising" }

// Infer implements kernels.Operator: (x0 F32 (N,H,W,C), t I32 (N,1,1,1), table F32 (T,1,1,4), eps? F32 (N,H,W,C)) -> (xt, target).
func (o Noising) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	required := 3
	if o.Transpose {
		required = 4
	}
	if err := elementwise.Inputs(o.Name(), in, required, 4); err != nil {
		return nil, err
	}
	x, table := in[0], in[2]
	if x.DType != kernels.F32 {
		return nil, fmt.Errorf("noising: data are %s, expected f32", x)
	}
	if err := elementwise.PerImage(o.Name(), "t", in[1], kernels.I32, x.N); err != nil {
		return nil, err
	}
	if table.DType != kernels.F32 || table.H != 1 || table.W != 1 || table.C != 4 {
		return nil, fmt.Errorf("noising: table is %s, expected f32[T,1,1,4]", table)
	}
	if len(in) > 3 && in[3] != nil {
		if err := elementwise.SameShapes("noising: eps", x, in[3]); err != nil {
			return nil, err
		}
	}
	return []kernels.Spec{x.WithC(x.C), x.WithC(x.C)}, nil
}

// Cost implements kernels.Operator.
func (Noising) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	perElement := 6.0
	if len(in) < 4 || in[3] == nil {
		perElement += 20 // drawing eps
	}
	return kernels.Cost{FLOPs: perElement * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (Noising) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "a few float32 roundings; the drawn noise is equal in every bit"}
}

// Cases implements kernels.Operator.
func (Noising) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 0x9876543210, Step: 5, SampleBase: 64}
	t := func(n int) kernels.Input { return kernels.RandInts(0, 40, n, 1, 1, 1) }
	table := kernels.RandUniform(-1, 1, 40, 1, 1, 4)
	return []kernels.Case{
		{Name: "eps given", Op: Noising{}, In: []kernels.Input{kernels.Randn(3, 5, 7, 3), t(3), table, kernels.Randn(3, 5, 7, 3)}},
		{Name: "eps given, pitches", Op: Noising{}, In: []kernels.Input{kernels.RandnPitch(2, 3, 3, 8, 9), t(2), table, kernels.RandnPitch(2, 3, 3, 8, 16)}},
		{Name: "eps drawn", Op: Noising{Stream: 77}, State: state, In: []kernels.Input{kernels.Randn(3, 5, 7, 3), t(3), table}},
		{Name: "eps drawn, points", Op: Noising{Stream: 77}, State: state, In: []kernels.Input{kernels.Randn(70, 1, 1, 2), t(70), table, kernels.Absent()}, NoGrad: true},
		{Name: "one element", Op: Noising{}, State: state, In: []kernels.Input{kernels.RandnPitch(1, 1, 1, 1, 1), t(1), table}},
		{Name: "eps given, points", Op: Noising{}, In: []kernels.Input{kernels.Randn(70, 1, 1, 2), t(70), table, kernels.Randn(70, 1, 1, 2)}, NoGrad: true},
		{Name: "eps given, dense", Op: Noising{}, In: []kernels.Input{kernels.Randn(3, 7, 13, 8), t(3), table, kernels.Randn(3, 7, 13, 8)}},
		{Name: "eps drawn, dense", Op: Noising{Stream: 77}, State: state, In: []kernels.Input{kernels.Randn(3, 7, 25, 8), t(3), table}, NoGrad: true},
		{Name: "eps drawn, several blocks", Op: Noising{Stream: 77}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.RandnPitch(5, 9, 25, 6, 7), t(5), table}},
		{Name: "transposed", Op: Noising{Transpose: true}, In: []kernels.Input{kernels.Randn(2, 3, 3, 5), t(2), table, kernels.Randn(2, 3, 3, 5)}},
	}
}

// Grad implements kernels.Operator: dx0 = table[t][0] dxt + table[t][2] dtarget, deps = table[t][1] dxt + table[t][3] dtarget.
func (o Noising) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	wantEps := len(n.In) > 3 && need[3]
	if !dout[0].Ok() && !dout[1].Ok() || !need[0] && !wantEps {
		return d
	}
	for i, v := range dout {
		if !v.Ok() {
			s := n.Out[i].Spec
			dout[i] = kernels.Emit1(b, elementwise.Fill{N: s.N, H: s.H, W: s.W, C: s.C})
		}
	}
	both := b.Emit(Noising{Transpose: !o.Transpose}, dout[0], n.In[1], n.In[2], dout[1])
	if len(both) != 2 {
		return d
	}
	if need[0] {
		d[0] = both[0]
	}
	if wantEps {
		d[3] = both[1]
	}
	return d
}
