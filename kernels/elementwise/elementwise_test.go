package elementwise

import (
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

func TestInferRefuses(t *testing.T) {
	f32, i32 := kernels.Dense(kernels.F32, 2, 3, 3, 4), kernels.Dense(kernels.I32, 2, 3, 3, 4)
	other, one := kernels.Dense(kernels.F32, 2, 3, 3, 5), kernels.Dense(kernels.F32, 1, 1, 1, 4)
	tests := []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Add{1, 1}, []*kernels.Spec{&f32}, "input 1 is missing"},
		{Add{1, 1}, []*kernels.Spec{&f32, &other}, "expected the shape"},
		{Multiply{}, []*kernels.Spec{&f32, &f32, &f32}, "takes at most 2"},
		{Activation{SiLU}, []*kernels.Spec{&i32}, "floating-point"},
		{Activation{Kind(9)}, []*kernels.Spec{&f32}, "unknown activation"},
		{ToFloat{}, []*kernels.Spec{&f32}, "expected i32"},
		{Resample{AvgPool2}, []*kernels.Spec{&one}, "impossible"},
		{ResampleGrad{AvgPool2, 5, 5}, []*kernels.Spec{&f32}, "expected 2 x 2 pixels"},
		{Broadcast{3, 1, 1}, []*kernels.Spec{&f32}, "one row"},
		{DivideTime{}, []*kernels.Spec{&f32, &one}, "expected f32[2,1,1,1]"},
		{Fill{N: 1}, nil, "impossible"},
		{Fill{N: 1, H: 1, W: 1, C: 1, DType: kernels.I32}, nil, "expected f32 or bf16"},
		{Cast{kernels.F32}, []*kernels.Spec{&f32}, "no cast to f32"},
		{Cast{kernels.I32}, []*kernels.Spec{&f32}, "no cast to i32"},
		{Cast{kernels.BF16}, []*kernels.Spec{&i32}, "floating-point"},
	}
	for _, tt := range tests {
		if _, err := tt.op.Infer(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.op.Name(), err, tt.want)
		}
	}
}

// TestWorkers holds every fast kernel to giving the same bits on one worker and on five.
func TestWorkers(t *testing.T) {
	for _, op := range []kernels.Operator{Activation{}, ActivationGrad{}, Add{}, SumRows{}, Broadcast{}, Resample{}, ResampleGrad{}} {
		for _, cs := range op.Cases() {
			var out [2][]float32
			for i, workers := range []int{1, 5} {
				c, err := check.Operands(cs, check.Single, false)
				if err != nil {
					t.Fatal(err)
				}
				v, err := kernels.Choose(c, kernels.Props{Backend: "cpu", Workers: workers}, kernels.Selection{})
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Kernel.Run(cpu.NewQueue(workers), c); err != nil {
					t.Fatal(err)
				}
				out[i] = c.Out[0].F32
			}
			if !slices.Equal(out[0], out[1]) {
				t.Errorf("%s %s: results differ between one worker and five", op.Name(), cs.Name)
			}
		}
	}
}
