package norm

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
	"github.com/unnoise/unnoise/kernels/rng"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// TestMask holds the factors of both passes to the definition, element by element.
func TestMask(t *testing.T) {
	state := &kernels.StepState{Seed: 0x123456789abcdef0, Step: 7, SampleBase: 100}
	for _, p := range []float64{1e-7, 0.1, 0.5, 0.999} {
		d := newDropout(GroupNorm{Dropout: p, Stream: 0xdeadbeef}, state)
		for _, n := range []int{1, 4, 31, 32, 33, 163, 1024} {
			const first = 52
			got := make([]float32, n+1)
			got[n] = -1
			d.mask(got[:n], 3, first)
			for i, g := range got[:n] {
				if want := d.factor(3, first+i); float64(g) != want {
					t.Fatalf("p %v, %d elements: factor %d is %v, expected %v", p, n, i, g, want)
				}
			}
			if got[n] != -1 {
				t.Fatalf("%d elements: written past the end", n)
			}
		}
	}
}

// TestDropoutThreshold holds the integer threshold to the comparison of uniforms at the words around it.
func TestDropoutThreshold(t *testing.T) {
	for _, p := range []float64{1e-9, 1e-7, 0.1, 0.25, 1.0 / 3, 0.5, 0.9, 0.9999999} {
		d := newDropout(GroupNorm{Dropout: p}, nil)
		for off := int64(-2); off <= 2; off++ {
			bits := min(max(int64(d.words)+off, 0), 1<<23-1)
			if dropped := rng.Uniform(uint32(bits)<<9) < d.threshold; dropped != (bits < int64(d.words)) {
				t.Errorf("p %v, bits %d: dropped is %v by the uniform, %v by the threshold %d", p, bits, dropped, !dropped, d.words)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	f := func(n, h, w, c int) *kernels.Spec {
		s := kernels.Dense(kernels.F32, n, h, w, c)
		return &s
	}
	x, v := f(2, 3, 3, 6), f(1, 1, 1, 6)
	op := GroupNorm{Groups: 2, Eps: 1e-5}
	for _, tc := range []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{op, []*kernels.Spec{x, v}, "operand beta (input 2) is missing"},
		{op, []*kernels.Spec{x, v, x}, "beta is f32[2,3,3,6], expected (1,1,1,6)"},
		{op, []*kernels.Spec{x, v, v, f(2, 1, 1, 6)}, "expected (2,1,1,12)"},
		{op, []*kernels.Spec{x, v, v, nil, f(2, 1, 1, 6)}, "channelStats is f32[2,1,1,6], expected f32[2,1,1,12]"},
		{op, []*kernels.Spec{x, v, v, nil, f(1, 1, 1, 12)}, "channelStats is f32[1,1,1,12], expected f32[2,1,1,12]"},
		{op, []*kernels.Spec{x, v, v, nil, {DType: kernels.BF16, N: 2, H: 1, W: 1, C: 12, Pitch: 12}}, "channelStats is bf16[2,1,1,12/12], expected f32[2,1,1,12]"},
		{GroupNorm{Groups: 4, Eps: 1e-5}, []*kernels.Spec{x, v, v}, "4 groups"},
		{GroupNorm{Groups: 2}, []*kernels.Spec{x, v, v}, "Eps is 0"},
		{GroupNorm{Groups: 2, Eps: 1e-5, Dropout: 1}, []*kernels.Spec{x, v, v}, "Dropout is 1"},
		{GroupNorm{Groups: 2, Eps: 1e-5, Activation: 7}, []*kernels.Spec{x, v, v}, "unknown activation"},
		{GroupNormGrad(op), []*kernels.Spec{x, v, v, nil, f(2, 1, 2, 2)}, "operand dy (input 5) is missing"},
		{GroupNormGrad(op), []*kernels.Spec{x, v, v, nil, f(2, 1, 3, 2), x}, "stats is f32[2,1,3,2], expected f32[2,1,2,2]"},
		{GroupNormGrad(op), []*kernels.Spec{x, v, v, nil, f(2, 1, 2, 2), f(2, 3, 3, 7)}, "dy is"},
		{GroupNormGrad(op), []*kernels.Spec{x, v, v, nil, f(2, 1, 2, 2), x, v}, "residual is"},
	} {
		if _, err := tc.op.Infer(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, expected one with %q", tc.op.Name(), err, tc.want)
		}
	}
}

// emitter is a builder that answers values of the inferred shapes.
type emitter struct{ t *testing.T }

func (e emitter) Emit(op kernels.Operator, in ...kernels.Value) []kernels.Value {
	specs := make([]*kernels.Spec, len(in))
	for i := range in {
		if in[i].Ok() {
			specs[i] = &in[i].Spec
		}
	}
	outs, err := op.Infer(specs)
	if err != nil {
		e.t.Fatal(err)
	}
	var values []kernels.Value
	for i, s := range outs {
		values = append(values, kernels.Value{ID: 100 + i, Spec: s})
	}
	return values
}

// TestGivenGrad: all operands but the given statistics have a gradient, of their own shape.
func TestGivenGrad(t *testing.T) {
	op := GroupNorm{Groups: 2, Eps: 1e-5}
	value := func(id, n, h, w, c int) kernels.Value {
		return kernels.Value{ID: id, Spec: kernels.Dense(kernels.F32, n, h, w, c)}
	}
	for _, scaleShift := range []kernels.Value{{}, value(4, 2, 1, 1, 12)} {
		in := []kernels.Value{value(1, 2, 3, 3, 6), value(2, 1, 1, 1, 6), value(3, 1, 1, 1, 6), scaleShift, value(5, 2, 1, 1, 12)}
		n := kernels.Node{Op: op, In: in, Out: emitter{t}.Emit(op, in...)}
		grads := op.Grad(emitter{t}, n, []kernels.Value{value(6, 2, 3, 3, 6), {}}, []bool{true, true, true, true, false})
		if len(grads) != len(in) || grads[4].Ok() {
			t.Fatalf("gradients %v, expected %d and none of channelStats", grads, len(in))
		}
		for i, g := range grads[:4] {
			if g.Ok() != in[i].Ok() || !g.Spec.SameShape(in[i].Spec) {
				t.Errorf("gradient %d is %v, expected one of %v", i, g, in[i])
			}
		}
	}
}

// TestLargeMean checks that the one-pass moments keep their precision where the mean is a thousand standard deviations.
func TestLargeMean(t *testing.T) {
	const channels = 8
	s := kernels.Dense(kernels.F32, 1, 20, 20, channels)
	x := make([]float32, s.Span())
	for i := range x {
		x[i] = 1000 + float32(math.Sin(float64(i*i)))
	}
	var mean, variance float64
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	op := GroupNorm{Groups: 1, Eps: 1e-5}
	gamma := &kernels.Operand{Spec: kernels.Vector(kernels.F32, channels), F32: make([]float32, channels)}
	stats := &kernels.Operand{Spec: op.stats(&s), F32: make([]float32, 8)}
	c := &kernels.Call{Op: op, State: &kernels.StepState{}, In: []*kernels.Operand{{Spec: s, F32: x}, gamma, gamma},
		Out: []*kernels.Operand{{Spec: s, F32: make([]float32, len(x))}, stats}}
	if err := groupNormCPU(cpu.NewQueue(1), c); err != nil {
		t.Fatal(err)
	}
	if got, want := float64(stats.F32[0]), mean; math.Abs(got-want) > 1e-4 {
		t.Errorf("mean %v, expected %v", got, want)
	}
	if got, want := float64(stats.F32[1]), 1/math.Sqrt(variance+op.Eps); math.Abs(got/want-1) > 1e-5 {
		t.Errorf("1/standard deviation %v, expected %v", got, want)
	}
}
