package samplers

import (
	"context"
	"testing"

	"github.com/unnoise/unnoise/engine/sampler"
)

// TestGaussian: every sampler comes nearer with more steps, and DPM-Solver++ 2M is far ahead of DDIM.
func TestGaussian(t *testing.T) {
	errors := map[string]map[int]float64{}
	err := Measure(context.Background(), Options{Steps: []int{10, 100}, Emit: func(r Row) {
		if r.Gaussian == nil {
			t.Errorf("%s, %d steps: no number: %s", r.Sampler, r.Steps, r.Reason)
			return
		}
		if r.Calls < r.Steps {
			t.Errorf("%s: %d calls for %d steps", r.Sampler, r.Calls, r.Steps)
		}
		if errors[r.Sampler] == nil {
			errors[r.Sampler] = map[int]float64{}
		}
		errors[r.Sampler][r.Steps] = *r.Gaussian
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sampler.Names() {
		e := errors[name]
		t.Logf("%-24s %.2e %.2e", name, e[10], e[100])
		if !(e[100] < e[10]) && e[100] > 1e-3 {
			t.Errorf("%s: error %.3g with 100 steps, %.3g with 10", name, e[100], e[10])
		}
	}
	if a, b := errors["dpmpp-2m"][100], errors["ddim"][100]; !(a < b/10) {
		t.Errorf("100 steps: dpmpp-2m %.3g, ddim %.3g", a, b)
	}
}
