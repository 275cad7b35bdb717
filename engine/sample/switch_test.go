package sample_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
)

// TestSwitchSampler: every sampler takes the schedule of a run, whatever its fixed variance; those for networks with EDM's
// preconditioning refuse it.
func TestSwitchSampler(t *testing.T) {
	for _, variance := range []string{"fixed_small", "fixed_large"} {
		r, err := recipe.Preset("swissroll", []string{"diffusion.variance=" + variance})
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sampler.Names() {
			s, err := sampler.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sample.Table(m, sample.Method{Name: name, Steps: 10})
			if s.Preconditioned != (err != nil) {
				t.Errorf("%s, %s: error %v, EDM's preconditioning %v", name, variance, err, s.Preconditioned)
			}
		}
	}
}
