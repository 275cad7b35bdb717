package diffusion

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// TestGuidanceValues holds the combination to numbers worked out by hand: weight 1 is the first half, 0 the second.
func TestGuidanceValues(t *testing.T) {
	out := operandOf(2, 1, 1, 2, 3, -1, 1, 4)
	for w, want := range map[float64][2]float32{1: {3, -1}, 0: {1, 4}, 2.5: {1 + 2.5*2, 4 - 2.5*5}} {
		y := operandOf(1, 1, 1, 2, 0, 0)
		c := &kernels.Call{Op: Guidance{}, State: &kernels.StepState{Guidance: w}, In: []*kernels.Operand{out}, Out: []*kernels.Operand{y}}
		if err := guidanceCPU(cpu.NewQueue(1), c); err != nil {
			t.Fatal(err)
		}
		if y.F32[0] != want[0] || y.F32[1] != want[1] {
			t.Errorf("weight %g gives %v, want %v", w, y.F32, want)
		}
	}
}

// TestLabelDropoutRate draws 100,000 labels: as many are dropped as the probability says, whichever batches they come in.
func TestLabelDropoutRate(t *testing.T) {
	const n, p = 100000, 0.1
	draw := func(base, n int) []int32 {
		labels := &kernels.Operand{Spec: kernels.Spec{DType: kernels.I32, N: n, H: 1, W: 1, C: 1, Pitch: 1}, I32: make([]int32, n)}
		y := &kernels.Operand{Spec: labels.Spec, I32: make([]int32, n)}
		labelDropoutReference(&kernels.Call{Op: LabelDropout{7, p, 5}, State: &kernels.StepState{Seed: 3, Step: 9, SampleBase: uint32(base)},
			In: []*kernels.Operand{labels}, Out: []*kernels.Operand{y}})
		return y.I32
	}
	all, dropped := draw(0, n), 0
	for i, part := range draw(1000, 50) {
		if part != all[1000+i] {
			t.Fatalf("label %d depends on the batch", 1000+i)
		}
	}
	for _, y := range all {
		if y == 7 {
			dropped++
		}
	}
	if rate, sigma := float64(dropped)/n, math.Sqrt(p*(1-p)/n); math.Abs(rate-p) > 4*sigma {
		t.Errorf("%.4f of the labels are dropped, want %.4f within %.4f", rate, p, 4*sigma)
	}
}

func TestGuidanceRefuses(t *testing.T) {
	odd, bf, x := kernels.Dense(kernels.F32, 3, 2, 2, 1), kernels.Dense(kernels.BF16, 2, 2, 2, 1), kernels.Dense(kernels.F32, 2, 1, 1, 1)
	labels := kernels.Dense(kernels.I32, 2, 1, 1, 1)
	for _, tt := range []struct {
		op   kernels.Operator
		in   *kernels.Spec
		want string
	}{
		{Guidance{}, &odd, "even batch"},
		{Guidance{}, &bf, "expected f32"},
		{GuidanceGrad{}, &labels, "expected f32"},
		{LabelDropout{}, &x, "labels"},
		{LabelDropout{Probability: 1.5}, &labels, "probability 1.5"},
		{LabelDropout{Probability: math.NaN()}, &labels, "probability NaN"},
	} {
		if _, err := tt.op.Infer([]*kernels.Spec{tt.in}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.op.Name(), err, tt.want)
		}
	}
}
