package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ReverseUpdate is one step of a sampler in one pass: ancestral (Ho et al. 2020, equations 7 and 15) or DDIM (Song, Meng and
// Ermon 2021, equation 12), as the row State.ChainIndex of the table says:
//
//	x_0    = X0FromX x + X0FromOut out, clamped to [-Clip, Clip] where Clip > 0
//	x_prev = C0 x_0 + CX x + Sigma z
//
// z is given, or drawn as rng.NormalDraw draws it where Sigma is not 0. InPlace writes x_prev over x; it has no gradient.
// A chain index outside the table gives NaN in the reference and an error in the fast kernel.
type ReverseUpdate struct {
	Clip    float64
	Stream  uint32
	InPlace bool
}

// The columns of ReverseUpdate's table; the others are not read.
const (
	X0FromX = iota
	X0FromOut
	C0
	CX
	Sigma
	UpdateColumns = 8
)

func init() {
	kernels.Register(ReverseUpdate{},
		kernels.Reference(reverseUpdateReference[float32], reverseUpdateReference[float64]),
		kernels.Func("cpu", 1, "whole samples a task: draw, then one pass", elementwise.F32Only, reverseUpdateWorkspace, reverseUpdateCPU),
		gpu.Kernel(1, "rows without pads: 16-byte accesses, z in registers", reverseUpdateVectorSupports, nil, reverseUpdateVector),
		gpu.Kernel(2, "any pitch: neighbouring lanes access neighbouring elements", groupsSupports, nil, reverseUpdateRows))
}

// Name implements kernels.Operator.
func (ReverseUpdate) Name() string { return "reverse_update" }

// Alias implements kernels.InPlaceOperator.
func (o ReverseUpdate) Alias(int) int {
	if o.InPlace {
		return 0
	}
	return -1
}

// Infer implements kernels.Operator: (x F32 (N,H,W,C), out, table F32 (S,1,1,8), z?) -> xprev.
func (o ReverseUpdate) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 3, 4); err != nil {
		return nil, err
	}
	if err := updateOperands(o.Name(), in[0], in[1], in[2]); err != nil {
		return nil, err
	}
	if len(in) > 3 && in[3] != nil {
		if err := elementwise.SameShapes("reverse_update: z", in[0], in[3]); err != nil {
			return nil, err
		}
	}
	if o.InPlace {
		return []kernels.Spec{*in[0]}, nil
	}
	return []kernels.Spec{in[0].WithC(in[0].C)}, nil
}

// updateOperands checks state, network output and table.
func updateOperands(name string, x, out, table *kernels.Spec) error {
	if x.DType != kernels.F32 {
		return fmt.Errorf("%s: state is %s, expected f32", name, x)
	}
	if err := elementwise.SameShapes(name, x, out); err != nil {
		return err
	}
	if table.DType != kernels.F32 || table.H != 1 || table.W != 1 || table.C != UpdateColumns {
		return fmt.Errorf("%s: table is %s, expected f32[S,1,1,%d]", name, table, UpdateColumns)
	}
	return nil
}

// Cost implements kernels.Operator.
func (ReverseUpdate) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	perElement := 9.0
	if len(in) < 4 || in[3] == nil {
		perElement += 20 // drawing z
	}
	return kernels.Cost{FLOPs: perElement * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (ReverseUpdate) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "a few float32 roundings; the drawn noise is equal in every bit"}
}

// Cases implements kernels.Operator.
func (ReverseUpdate) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 0x9876543210, Step: 5, SampleBase: 64, ChainIndex: 3}
	table := kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	silent := kernels.Input{Spec: table.Spec, Fill: kernels.Zeros}
	x := func() kernels.Input { return kernels.Randn(3, 5, 7, 3) }
	return []kernels.Case{
		{Name: "z given", Op: ReverseUpdate{}, State: state, In: []kernels.Input{x(), x(), table, x()}},
		{Name: "z given, clipped, pitches", Op: ReverseUpdate{Clip: 0.3}, State: state,
			In: []kernels.Input{kernels.RandnPitch(2, 3, 3, 8, 9), kernels.Randn(2, 3, 3, 8), table, kernels.RandnPitch(2, 3, 3, 8, 24)}},
		{Name: "z drawn", Op: ReverseUpdate{Clip: 1, Stream: 9}, State: state, In: []kernels.Input{x(), x(), table}},
		{Name: "z given, dense", Op: ReverseUpdate{Clip: 0.5}, State: state,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table, kernels.Randn(2, 3, 5, 8)}},
		{Name: "z given, dense, unclipped", Op: ReverseUpdate{}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table, kernels.Randn(2, 3, 5, 8)}},
		{Name: "no noise, dense", Op: ReverseUpdate{Clip: 0.5, Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), silent}},
		{Name: "z drawn, dense", Op: ReverseUpdate{Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(3, 7, 25, 8), kernels.Randn(3, 7, 25, 8), table}},
		{Name: "z drawn, several blocks", Op: ReverseUpdate{Clip: 0.8, Stream: 9}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.RandnPitch(5, 9, 25, 6, 7), kernels.Randn(5, 9, 25, 6), table}},
		{Name: "in place, dense", Op: ReverseUpdate{Clip: 1, Stream: 9, InPlace: true}, State: state, NoGrad: true,
			In: []kernels.Input{kernels.Randn(2, 3, 5, 8), kernels.Randn(2, 3, 5, 8), table}},
		{Name: "in place", Op: ReverseUpdate{Clip: 1, Stream: 9, InPlace: true}, State: state, In: []kernels.Input{x(), x(), table}, NoGrad: true},
		{Name: "no noise", Op: ReverseUpdate{Stream: 9}, State: state, In: []kernels.Input{kernels.Randn(1, 1, 1, 1), kernels.Randn(1, 1, 1, 1), silent}},
	}
}

// Grad implements kernels.Operator.
func (o ReverseUpdate) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if !dout[0].Ok() || o.InPlace {
		return d
	}
	g := b.Emit(ReverseUpdateGrad{Clip: o.Clip}, n.In[0], n.In[1], n.In[2], dout[0])
	for from, to := range []int{0, 1, 3} {
		if from < len(g) && to < len(need) && need[to] {
			d[to] = g[from]
		}
	}
	return d
}
