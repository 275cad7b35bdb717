package linear

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

func TestRefused(t *testing.T) {
	f := func(n, h, w, c int) *kernels.Spec {
		s := kernels.Dense(kernels.F32, n, h, w, c)
		return &s
	}
	half := func(s *kernels.Spec) *kernels.Spec {
		h := s.WithDType(kernels.BF16)
		return &h
	}
	x, w := f(2, 3, 3, 5), f(7, 1, 1, 5)
	integers := kernels.Dense(kernels.I32, 2, 3, 3, 5)
	for _, tc := range []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Linear{}, []*kernels.Spec{x}, "operand w (input 1) is missing"},
		{Linear{}, []*kernels.Spec{&integers, w}, "expected f32 or bf16"},
		{Linear{}, []*kernels.Spec{x, f(7, 3, 3, 5)}, "expected a matrix (O,1,1,I)"},
		{Linear{}, []*kernels.Spec{x, f(7, 1, 1, 6)}, "expected w (O,1,1,5)"},
		{Linear{}, []*kernels.Spec{x, w, f(1, 1, 1, 5)}, "bias is f32[1,1,1,5], expected (1,1,1,7)"},
		{Linear{}, []*kernels.Spec{x, w, nil, x}, "expected the shape of the output f32[2,3,3,7]"},
		{LinearDgrad{}, []*kernels.Spec{x, w}, "expected w (5,1,1,I)"},
		{LinearDgrad{}, []*kernels.Spec{f(2, 3, 3, 7), w, w}, "residual"},
		{LinearWgrad{}, []*kernels.Spec{x, f(2, 3, 4, 7)}, "expected the same N, H and W"},
		{Linear{}, []*kernels.Spec{half(x), w}, "input 1 is f32[7,1,1,5], expected bf16"},
		{Linear{OutF32: true}, []*kernels.Spec{half(x), half(w), nil, half(f(2, 3, 3, 7))}, "input 3 is bf16[2,3,3,7], expected f32"},
		{LinearDgrad{}, []*kernels.Spec{f(2, 3, 3, 7), half(w)}, "input 1 is bf16[7,1,1,5], expected f32"},
		{LinearWgrad{}, []*kernels.Spec{x, half(x)}, "input 1 is bf16[2,3,3,5], expected f32"},
		{Matmul{}, []*kernels.Spec{x, x}, "Alpha is 0"},
		{Matmul{Alpha: 1}, []*kernels.Spec{f(2, 1, 3, 5), f(2, 1, 3, 5)}, "after transposition"},
		{Matmul{Alpha: 1, TransB: true}, []*kernels.Spec{f(2, 1, 3, 5), f(1, 1, 3, 5)}, "after transposition"},
	} {
		if _, err := tc.op.Infer(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, expected one with %q", tc.op.Name(), err, tc.want)
		}
	}
}
