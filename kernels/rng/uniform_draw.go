package rng

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// UniformDraw is a float32 tensor of uniform numbers between Lo and Hi, drawn as NormalDraw is: Lo + (Hi-Lo)*u rounded
// from float64, u in the open interval (0, 1).
type UniformDraw struct {
	N      int     `key:"N"`
	H      int     `key:"H"`
	W      int     `key:"W"`
	C      int     `key:"C"`
	Stream uint32  `key:"-"`
	Lo     float64 `key:"Lo"`
	Hi     float64 `key:"Hi"`
}

func init() {
	kernels.Register(UniformDraw{},
		kernels.Reference(uniformDrawReference[float32], uniformDrawReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task", nil, drawWorkspace, uniformDrawCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte stores", drawVectorSupports, nil, uniformDrawVector),
		gpu.Kernel(2, "any_pitch", "any pitch: a warp exchanges its numbers", drawRowsSupports, nil, uniformDrawRows))
}

// Name implements kernels.Operator.
func (UniformDraw) Name() string { return "uniform_draw" }

// Infer implements kernels.Operator: () -> F32 (N,H,W,C).
func (d UniformDraw) Infer([]*kernels.Spec) ([]kernels.Spec, error) {
	if !(d.Lo < d.Hi) {
		return nil, fmt.Errorf("uniform_draw: empty range %g to %g", d.Lo, d.Hi)
	}
	out := kernels.Dense(kernels.F32, d.N, d.H, d.W, d.C)
	return []kernels.Spec{out}, out.Valid()
}

// Cost implements kernels.Operator.
func (UniformDraw) Cost(_ []*kernels.Spec, out []kernels.Spec) kernels.Cost { return drawCost(out) }

// Tolerance implements kernels.Operator.
func (UniformDraw) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-37, Rel: 6e-8, Why: "one rounding to float32 of a float64 result"}
}

// Cases implements kernels.Operator.
func (UniformDraw) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 42, Step: 7, SampleBase: 1 << 20}
	return []kernels.Case{
		{Name: "odd", Op: UniformDraw{3, 5, 7, 3, 99, 0, 1}, State: state, NoGrad: true},
		{Name: "dense", Op: UniformDraw{2, 3, 1, 8, 99, -2, 3.5}, State: state, NoGrad: true},
		{Name: "several blocks", Op: UniformDraw{5, 9, 25, 6, 99, 1e-3, 1}, State: state, NoGrad: true},
		{Name: "several blocks, dense", Op: UniformDraw{3, 7, 25, 8, 99, -1, 0}, State: state, NoGrad: true},
		{Name: "one element", Op: UniformDraw{1, 1, 1, 1, 0, 0, 1}, NoGrad: true},
	}
}

// Grad implements kernels.Operator: there is no input.
func (UniformDraw) Grad(kernels.Builder, kernels.Node, []kernels.Value, []bool) []kernels.Value {
	return nil
}
