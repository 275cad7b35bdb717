package norm

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// layout is a case of both operators that reaches a way in which devices split images; too large for finite differences.
type layout struct {
	name       string
	op         GroupNorm
	n, h, w, c int
	pitch      int  // 0: dense
	extras     bool // with scaleShift, and in the gradient a residual
}

var silu, gelu = elementwise.SiLU, elementwise.GELU

var layouts = []layout{
	{"slices of groups of four", GroupNorm{Groups: 16, Activation: silu, Dropout: 0.2, Stream: 3}, 3, 5, 7, 64, 0, false},
	{"slices of six vectors", GroupNorm{Groups: 8, Activation: silu}, 2, 6, 5, 96, 0, true},
	{"a narrower last slice", GroupNorm{Groups: 6, Dropout: 0.4, Stream: 3}, 2, 4, 3, 72, 80, true},
	{"slices of one group", GroupNorm{Groups: 2, Activation: silu}, 1, 9, 8, 64, 72, true},
	{"slices of one group, one warp", GroupNorm{Groups: 2, Activation: silu}, 2, 2, 1, 64, 0, false},
	{"a group of a warp's vectors", GroupNorm{Groups: 1}, 1, 4, 5, 256, 0, false},
	{"a group of half a warp's vectors", GroupNorm{Groups: 1, Dropout: 0.1}, 2, 4, 5, 128, 0, true},
	{"more channels than a warp's vectors", GroupNorm{Groups: 1, Activation: silu}, 2, 3, 3, 272, 0, true},
	{"groups over a warp's elements", GroupNorm{Groups: 3, Activation: gelu}, 2, 3, 2, 42, 43, true},
	{"many images", GroupNorm{Groups: 8, Activation: silu}, 220, 2, 1, 32, 0, true},
	{"several chunks", GroupNorm{Groups: 1, Activation: silu, Dropout: 0.3, Stream: 4}, 1, 33, 39, 40, 0, true},
	{"several chunks of elements", GroupNorm{Groups: 1, Activation: silu, Dropout: 0.3, Stream: 4}, 1, 41, 40, 10, 11, true},
	{"everything dropped", GroupNorm{Groups: 2, Dropout: 0.99999999}, 2, 2, 3, 16, 0, false},
}

// inputs are x, gamma, beta and scaleShift.
func (l layout) inputs() []kernels.Input {
	v := kernels.Randn(1, 1, 1, l.c)
	in := []kernels.Input{l.rows(), v, v, kernels.Absent()}
	if l.extras {
		in[3] = kernels.RandnPitch(l.n, 1, 1, 2*l.c, 2*l.c+l.pitch%8)
	}
	return in
}

func (l layout) rows() kernels.Input {
	return kernels.RandnPitch(l.n, l.h, l.w, l.c, max(l.pitch, l.c))
}

// forward is the layout as a case of GroupNorm.
func (l layout) forward() kernels.Case {
	l.op.Eps = 1e-5
	return kernels.Case{Name: l.name, Op: l.op, In: l.inputs(), State: kernels.StepState{Seed: 78, Step: 4, SampleBase: 6}, NoGrad: true}
}

// gradient is the layout as a case of GroupNormGrad.
func (l layout) gradient() kernels.Case {
	cs := l.forward()
	cs.Op = GroupNormGrad(cs.Op.(GroupNorm))
	cs.In = append(cs.In, kernels.RandUniform(0.5, 1.2, l.n, 1, l.op.Groups, 2), l.rows())
	if l.extras {
		cs.In = append(cs.In, l.rows())
	}
	return cs
}
