package rng_test

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
	"github.com/unnoise/unnoise/kernels/rng"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// draw runs the CPU variant of a draw of the given operator and returns its logical elements.
func draw(t *testing.T, op kernels.Operator, s kernels.StepState) []float32 {
	t.Helper()
	out, err := op.Infer(nil)
	if err != nil {
		t.Fatal(err)
	}
	y := &kernels.Operand{Spec: out[0], F32: make([]float32, out[0].Span())}
	c := &kernels.Call{Op: op, Out: []*kernels.Operand{y}, State: &s}
	p := kernels.Props{Backend: "cpu", Workers: 2}
	v, err := kernels.Choose(c, p, kernels.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	c.Workspace = make([]float32, v.Kernel.Workspace(c, p)/4)
	if err := v.Kernel.Run(cpu.NewQueue(2), c); err != nil {
		t.Fatal(err)
	}
	var values []float32
	for r := range y.Rows() {
		values = append(values, y.F32[r*y.Pitch:r*y.Pitch+y.C]...)
	}
	return values
}

// TestBatchSplit draws a batch whole and in two parts: the numbers must be the same.
func TestBatchSplit(t *testing.T) {
	state := kernels.StepState{Seed: 3, Step: 11, SampleBase: 20}
	whole := draw(t, rng.NormalDraw{N: 5, H: 3, W: 3, C: 3, Stream: 1}, state)
	split := draw(t, rng.NormalDraw{N: 2, H: 3, W: 3, C: 3, Stream: 1}, state)
	state.SampleBase += 2
	split = append(split, draw(t, rng.NormalDraw{N: 3, H: 3, W: 3, C: 3, Stream: 1}, state)...)
	for i := range whole {
		if whole[i] != split[i] {
			t.Fatalf("element %d is %g in one batch and %g in two", i, whole[i], split[i])
		}
	}
}

func TestInferRefuses(t *testing.T) {
	for _, tt := range []struct {
		op   kernels.Operator
		want string
	}{
		{rng.NormalDraw{N: 1, H: 1, W: 1}, "impossible"},
		{rng.UniformDraw{N: 1, H: 1, W: 1, C: 1, Lo: 1, Hi: 1}, "empty range"},
		{rng.UniformIntDraw{N: 1}, "maximum 0"},
	} {
		if _, err := tt.op.Infer(nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.op.Name(), err, tt.want)
		}
	}
}
