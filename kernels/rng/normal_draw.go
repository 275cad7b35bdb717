package rng

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// NormalDraw is a float32 tensor of standard normals: element i (logical H,W,C index) of image n is drawn for
// (State.Seed, State.SampleBase+n, State.Step, Stream).
type NormalDraw struct {
	N      int    `key:"N"`
	H      int    `key:"H"`
	W      int    `key:"W"`
	C      int    `key:"C"`
	Stream uint32 `key:"-"`
}

func init() {
	kernels.Register(NormalDraw{},
		kernels.Reference(normalDrawReference[float32], normalDrawReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task", nil, drawWorkspace, normalDrawCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte stores", drawVectorSupports, nil, normalDrawVector),
		gpu.Kernel(2, "any_pitch", "any pitch: a warp exchanges its numbers", drawRowsSupports, nil, normalDrawRows))
}

// Name implements kernels.Operator.
func (NormalDraw) Name() string { return "normal_draw" }

// Infer implements kernels.Operator: () -> F32 (N,H,W,C).
func (d NormalDraw) Infer([]*kernels.Spec) ([]kernels.Spec, error) {
	out := kernels.Dense(kernels.F32, d.N, d.H, d.W, d.C)
	return []kernels.Spec{out}, out.Valid()
}

// Cost implements kernels.Operator.
func (NormalDraw) Cost(_ []*kernels.Spec, out []kernels.Spec) kernels.Cost { return drawCost(out) }

// Tolerance implements kernels.Operator.
func (NormalDraw) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Why: "every step is one rounded float32 operation: equal in every bit"}
}

// Cases implements kernels.Operator.
func (NormalDraw) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 0x123456789abcdef, Step: 7, SampleBase: 1000}
	return []kernels.Case{
		{Name: "odd", Op: NormalDraw{3, 5, 7, 3, 99}, State: state, NoGrad: true},
		{Name: "dense", Op: NormalDraw{2, 3, 1, 8, 99}, State: state, NoGrad: true},
		{Name: "several blocks", Op: NormalDraw{5, 9, 25, 6, 99}, State: state, NoGrad: true},
		{Name: "several blocks, dense", Op: NormalDraw{3, 7, 25, 8, 99}, State: state, NoGrad: true},
		{Name: "points", Op: NormalDraw{300, 1, 1, 2, 99}, State: state, NoGrad: true},
		{Name: "one element", Op: NormalDraw{1, 1, 1, 1, 0}, NoGrad: true},
	}
}

// Grad implements kernels.Operator: there is no input.
func (NormalDraw) Grad(kernels.Builder, kernels.Node, []kernels.Value, []bool) []kernels.Value {
	return nil
}
