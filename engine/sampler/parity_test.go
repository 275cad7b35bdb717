package sampler_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/sampler"
)

// TestPlansKeepTheirBits holds unclipped tables to the plans of package diffusion.
func TestPlansKeepTheirBits(t *testing.T) {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, pred := range []diffusion.Prediction{diffusion.Epsilon, diffusion.Sample, diffusion.VPrediction} {
		for _, spacing := range []string{"leading", "trailing", "linspace", "quadratic"} {
			for _, steps := range []int{1, 7, 50, 1000} {
				if spacing == "quadratic" && steps == 1000 {
					continue
				}
				o := sampler.Options{Steps: steps, PredictionType: pred, TimestepSpacing: sampler.Spacing(spacing), SetAlphaToOne: true}
				for _, v := range []diffusion.Variance{diffusion.FixedSmall, diffusion.FixedLarge} {
					o.VarianceType = string(v)
					plan, err := diffusion.DDPM{Prediction: pred, Variance: v, Steps: steps, Spacing: diffusion.Spacing(spacing)}.Plan(p)
					compare(t, p, "ddpm", o, plan, err)
				}
				for _, eta := range []float64{0, .5, 1} {
					o.Eta = eta
					plan, err := diffusion.DDIM{Prediction: pred, Eta: eta, Steps: steps, Spacing: diffusion.Spacing(spacing)}.Plan(p)
					compare(t, p, "ddim", o, plan, err)
				}
			}
		}
	}
}

func compare(t *testing.T, p *diffusion.Process, name string, o sampler.Options, plan *diffusion.Plan, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	if table.Name != plan.Name || len(table.Steps) != len(plan.Steps) {
		t.Fatalf("table %s of %d steps, expected %s of %d", table.Name, len(table.Steps), plan.Name, len(plan.Steps))
	}
	for i, want := range plan.Steps {
		got := table.Steps[i]
		next := sampler.Coef{X0: want.C0, X: want.CX, Z: want.Sigma}
		if got.T != float64(want.T) || got.TPrev != float64(want.TPrev) || got.X0X != want.X0FromX ||
			got.X0Out != want.X0FromOut || got.Next != next || len(got.Writes) != 0 {
			t.Errorf("%s, step %d is %+v, expected %+v", plan.Name, i, got, want)
		}
	}
}
