package optim

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// TestAdamWSteps does three steps, the second one clipped, and compares with what PyTorch 1.13 computes in float64 with
// clip_grad_norm_ to 1 and AdamW with a weight decay of 0.1 on the first three elements; the average by hand.
func TestAdamWSteps(t *testing.T) {
	gradients := [][]float64{{0.3, -0.1, 0.2, 0.05, -0.4}, {2, 1, -3, 0.5, 0.25}, {-0.2, 0.7, 0.1, -0.3, 0.6}}
	wantP := []float64{0.8610575790428436, -1.9795691689808426, 2.950941104038453, 0.4169181814233185, -0.18773140870603472}
	wantEMA := []float64{0.9371748646138632, -1.9776823261741656, 2.9688743464365106, 0.45409093304101733, -0.21295567172928653}
	double := func(x ...float64) *kernels.Operand {
		return &kernels.Operand{Spec: kernels.Spec{N: 1, H: 1, W: 1, C: len(x), Pitch: len(x)}, F64: x}
	}
	p, ema := double(1, -2, 3, 0.5, -0.25), double(1, -2, 3, 0.5, -0.25)
	m, v := double(make([]float64, 5)...), double(make([]float64, 5)...)
	norm := double(0)
	flag := &kernels.Operand{Spec: kernels.Vector(kernels.I32, 1), I32: []int32{FlagGood}}
	for i, g := range gradients {
		s := &kernels.StepState{LearningRate: 0.05, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, EMADecay: 0.75, ClipNorm: 1,
			Correction1: 1 - math.Pow(0.9, float64(i+1)), Correction2: 1 - math.Pow(0.99, float64(i+1))}
		grad := double(g...)
		reference(t, &kernels.Call{Op: GlobalNorm{}, In: []*kernels.Operand{grad}, Out: []*kernels.Operand{norm}, State: s})
		reference(t, &kernels.Call{Op: AdamW{DecayElements: 3}, In: []*kernels.Operand{p, m, v, ema, grad, norm, flag},
			Out: []*kernels.Operand{p, m, v, ema}, State: s})
	}
	for i := range wantP {
		if math.Abs(p.F64[i]-wantP[i]) > 1e-12 || math.Abs(ema.F64[i]-wantEMA[i]) > 1e-12 {
			t.Errorf("element %d: p %.15g and average %.15g, expected %.15g and %.15g", i, p.F64[i], ema.F64[i], wantP[i], wantEMA[i])
		}
	}
}

func reference(t *testing.T, c *kernels.Call) {
	t.Helper()
	v, err := kernels.Choose(c, kernels.Props{Backend: "reference"}, kernels.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Kernel.Run(nil, c); err != nil {
		t.Fatal(err)
	}
}

func TestRefused(t *testing.T) {
	row, other := kernels.Vector(kernels.F32, 10), kernels.Vector(kernels.F32, 11)
	one, flag := kernels.Vector(kernels.F32, 1), kernels.Vector(kernels.I32, 1)
	for _, tc := range []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{GlobalNorm{}, nil, "operand g (input 0) is missing"},
		{GlobalNorm{}, []*kernels.Spec{&flag}, "expected f32[1,1,1,1]"},
		{CheckFinite{}, []*kernels.Spec{&one, &one, &one}, "operand flag is f32[1,1,1,1], expected i32[1,1,1,1]"},
		{CheckFinite{}, []*kernels.Spec{&row, &one, &flag}, "operand loss"},
		{AdamW{}, []*kernels.Spec{&row, &row, &row, &other, &row, &one, &flag}, "operand ema is f32[1,1,1,11], expected f32[1,1,1,10]"},
		{AdamW{}, []*kernels.Spec{&row, &row}, "2 inputs given, expected 7"},
		{AdamW{DecayElements: 11}, []*kernels.Spec{&row, &row, &row, &row, &row, &one, &flag}, "DecayElements is 11, expected 0 to 10"},
	} {
		if _, err := tc.op.Infer(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, expected one with %q", tc.op.Name(), err, tc.want)
		}
	}
}
