package gradcheck_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/gradcheck"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all"
)

// TestGradients holds the gradient of every operator to finite differences on all of its cases, in short mode on those of less than a
// million operations.
func TestGradients(t *testing.T) {
	for _, f := range kernels.Families() {
		for _, cs := range f.Op.Cases() {
			if cs.NoGrad {
				continue
			}
			t.Run(f.Op.Name()+"/"+cs.Name, func(t *testing.T) {
				if n := operations(t, cs); testing.Short() && n > 1e6 {
					t.Skipf("%.0f operations", n)
				}
				e, err := gradcheck.Check(cs)
				if err != nil {
					t.Fatal(err)
				}
				if !(e.Relative <= 1e-5) {
					t.Errorf("input %d: gradient %.9g, central difference %.9g, relative error %.3g", e.Input, e.Analytic, e.Finite, e.Relative)
				}
			})
		}
	}
}

// operations is the number of a case's floating-point operations.
func operations(t *testing.T, cs kernels.Case) float64 {
	t.Helper()
	in := make([]*kernels.Spec, len(cs.In))
	for i := range cs.In {
		in[i] = cs.In[i].Spec
	}
	out, err := cs.Op.Infer(in)
	if err != nil {
		t.Fatal(err)
	}
	return cs.Op.Cost(in, out).FLOPs
}
