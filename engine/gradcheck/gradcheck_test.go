package gradcheck_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/gradcheck"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all"
)

// TestGradients holds the gradient of every operator to finite differences on all of its cases.
func TestGradients(t *testing.T) {
	for _, f := range kernels.Families() {
		for _, cs := range f.Op.Cases() {
			if cs.NoGrad {
				continue
			}
			t.Run(f.Op.Name()+"/"+cs.Name, func(t *testing.T) {
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
