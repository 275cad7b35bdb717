package gradcheck_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/gradcheck"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// wrongScale is Scale with a gradient that is off by one part in a thousand.
type wrongScale struct{ elementwise.Scale }

func (w wrongScale) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, _ []bool) []kernels.Value {
	return []kernels.Value{kernels.Emit1(b, elementwise.Scale{Factor: 1.001 * w.Factor}, dout[0])}
}

// Name is an operator's own: the registry knows the kernels under it.
func (wrongScale) Name() string { return "wrong_scale" }

// missingGradient is Scale without a gradient.
type missingGradient struct{ wrongScale }

func (missingGradient) Grad(kernels.Builder, kernels.Node, []kernels.Value, []bool) []kernels.Value {
	return make([]kernels.Value, 1)
}

func init() {
	kernels.Register(wrongScale{}, kernels.Reference(double[float32], double[float64]))
}

func double[T kernels.Float](c *kernels.Call) {
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	elementwise.Each(x.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, 2*x.At(n, h, w, ch)) })
}

// TestBrokenGradient holds the gradient check to its purpose: a wrong gradient and a missing one are found.
func TestBrokenGradient(t *testing.T) {
	in := []kernels.Input{kernels.Randn(2, 1, 3, 5)}
	e, err := gradcheck.Check(kernels.Case{Name: "wrong", Op: wrongScale{elementwise.Scale{Factor: 2}}, In: in})
	if err != nil {
		t.Fatal(err)
	}
	if !(e.Relative > 1e-4) || e.Input != 0 {
		t.Errorf("a gradient off by 0.001 of itself is found off by %g in input %d", e.Relative, e.Input)
	}
	if _, err := gradcheck.Check(kernels.Case{Name: "none", Op: missingGradient{wrongScale{elementwise.Scale{Factor: 2}}}, In: in}); err == nil {
		t.Error("a missing gradient is not found")
	}
}
