package attention

import (
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// TestFarScores verifies that the tolerance of far scores fits other draws of the numbers than those of the cases.
func TestFarScores(t *testing.T) {
	q := cpu.NewQueue(1)
	v := &kernels.Lookup("attention").Variants[1]
	for _, cs := range (Attention{}).Cases() {
		if !strings.HasPrefix(cs.Name, "far scores") || !strings.Contains(cs.Name, "odd") {
			continue
		}
		name := cs.Name
		for draw := range 4 {
			cs.Name = fmt.Sprintf("%s, draw %d", name, draw)
			res, ok := check.Verify(cs, v, q, kernels.Props{Backend: "cpu", Workers: 1})
			if !ok || !res.OK {
				t.Errorf("%s: variant %s: %s", cs.Name, res.Variant, res.Error)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	f := func(n, h, w, c int) *kernels.Spec {
		s := kernels.Dense(kernels.F32, n, h, w, c)
		return &s
	}
	x := f(2, 3, 3, 6)
	half := x.WithDType(kernels.BF16)
	for _, tc := range []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Attention{Heads: 4}, []*kernels.Spec{x, x, x}, "4 heads for q f32[2,3,3,6], expected a positive divisor of 6 channels"},
		{Attention{}, []*kernels.Spec{x, x, x}, "0 heads"},
		{Attention{Heads: 2}, []*kernels.Spec{x, x}, "2 inputs given, expected 3"},
		{Attention{Heads: 2}, []*kernels.Spec{x, nil, x}, "operand k (input 1) is missing"},
		{Attention{Heads: 2}, []*kernels.Spec{x, f(1, 3, 3, 6), f(1, 3, 3, 6)}, "expected k and v of one shape"},
		{AttentionGrad{Heads: 2}, []*kernels.Spec{x, x, x, x, x, x}, "lse is f32[2,3,3,6], expected f32[2,1,2,9]"},
		{AttentionGrad{Heads: 2}, []*kernels.Spec{x, x, x, x, f(2, 1, 2, 9), f(2, 3, 3, 3)}, "expected the shape and type of q"},
		{Attention{Heads: 2}, []*kernels.Spec{x, &half, x}, "expected one type"},
		{AttentionGrad{Heads: 2}, []*kernels.Spec{x, x, x, &half, f(2, 1, 2, 9), x}, "expected the shape and type of q"},
	} {
		if _, err := tc.op.Infer(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, expected one with %q", tc.op.Name(), err, tc.want)
		}
	}
}
