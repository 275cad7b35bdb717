package loss

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// TestValues holds the element losses and the weighting to hand-computed numbers.
func TestValues(t *testing.T) {
	pred, target, weight := []float32{1, 3, -2, 0.5}, []float32{0, 0, 0, 0}, []float32{2, 0.5}
	tests := []struct {
		op        Loss
		perSample [2]float64
		mean      float64
	}{
		{Loss{Kind: MSE}, [2]float64{5, 2.125}, (2*5 + 0.5*2.125) / 2},
		{Loss{Kind: Huber, Delta: 1}, [2]float64{(0.5 + 2.5) / 2, (1.5 + 0.125) / 2}, (2*1.5 + 0.5*0.8125) / 2},
		{Loss{Kind: L1}, [2]float64{2, 1.25}, (2*2 + 0.5*1.25) / 2},
	}
	for _, tt := range tests {
		x := kernels.Spec{N: 2, H: 1, W: 1, C: 2, Pitch: 2}
		one := kernels.Spec{N: 2, H: 1, W: 1, C: 1, Pitch: 1}
		mean, per := &kernels.Operand{Spec: one, F32: make([]float32, 1)}, &kernels.Operand{Spec: one, F32: make([]float32, 2)}
		c := &kernels.Call{Op: tt.op, Out: []*kernels.Operand{mean, per},
			In: []*kernels.Operand{{Spec: x, F32: pred}, {Spec: x, F32: target}, {Spec: one, F32: weight}}}
		for name, run := range map[string]func(){
			"reference": func() { lossReference[float32](c) },
			"cpu": func() {
				if err := lossCPU(cpu.NewQueue(2), c); err != nil {
					t.Error(err)
				}
			},
		} {
			run()
			if float64(per.F32[0]) != tt.perSample[0] || float64(per.F32[1]) != tt.perSample[1] || math.Abs(float64(mean.F32[0])-tt.mean) > 1e-7 {
				t.Errorf("%s %s: per sample %v, mean %g, want %v and %g", name, tt.op.Kind, per.F32, mean.F32[0], tt.perSample, tt.mean)
			}
		}
	}
}

func TestInferRefuses(t *testing.T) {
	x, y, w := kernels.Dense(kernels.F32, 2, 3, 3, 4), kernels.Dense(kernels.F32, 2, 3, 3, 5), kernels.Dense(kernels.F32, 3, 1, 1, 1)
	half := x.WithDType(kernels.BF16)
	tests := []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Loss{}, []*kernels.Spec{&x}, "input 1 is missing"},
		{Loss{}, []*kernels.Spec{&x, &y}, "expected the shape"},
		{Loss{}, []*kernels.Spec{&x, &x, &w}, "weight"},
		{Loss{Kind: Huber}, []*kernels.Spec{&x, &x}, "positive delta"},
		{Loss{}, []*kernels.Spec{&half, &half}, "expected f32"},
		{Loss{Kind: 7}, []*kernels.Spec{&x, &x}, "unknown"},
		{LossGrad{}, []*kernels.Spec{&x, &x, nil, &w}, "gradient of the mean"},
	}
	for _, tt := range tests {
		if _, err := tt.op.Infer(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.op.Name(), err, tt.want)
		}
	}
}
