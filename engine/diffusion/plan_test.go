package diffusion

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// finalVariance runs the variance recursion of a plan that starts at N(0, 1) on
// data N(0, s2) with the exact network: every step is linear in x and z.
func finalVariance(p *Process, plan *Plan, pred Prediction, s2 float64) float64 {
	v := 1.0
	for _, s := range plan.Steps {
		abar := p.AlphasCumprod[s.T]
		total := abar*s2 + 1 - abar
		out := math.Sqrt(1-abar) / total // eps = out * x
		switch pred {
		case Sample:
			out = math.Sqrt(abar) * s2 / total
		case VPrediction:
			out = math.Sqrt(abar)*out - math.Sqrt(1-abar)*math.Sqrt(abar)*s2/total
		}
		a := s.C0*(s.X0FromX+s.X0FromOut*out) + s.CX
		v = a*a*v + s.Sigma*s.Sigma
	}
	return v
}

func TestGaussianChains(t *testing.T) {
	p := ho(t)
	for _, pred := range []Prediction{Epsilon, Sample, VPrediction} {
		for v, want := range map[Variance]float64{FixedSmall: .9910673763521608, FixedLarge: .9998999999993335} {
			plan, err := NewDDPMPlan(p, pred, v, 1000, 0)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "ancestral "+string(v), finalVariance(p, plan, pred, 1), want, 1e-11)
		}
		for steps, want := range map[int]float64{10: .8316958768283756, 50: .9640792714550708, 100: .981850834569559, 1000: .9981242939976004} {
			plan, err := NewDDIMPlan(p, pred, steps, 0, Leading, 0)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "DDIM std", math.Sqrt(finalVariance(p, plan, pred, 1)), want, 1e-11)
		}
	}
}

// TestMarginals: with the exact x_0 as the network's output, every sampler keeps
// x_t at N(sqrt(abar) x_0, 1 - abar), whatever the steps, spacing and eta.
func TestMarginals(t *testing.T) {
	p := mustProcess(t, Schedule{Kind: Cosine, Timesteps: 200})
	check := func(plan *Plan, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		abar := p.AlphasCumprod[plan.Steps[0].T]
		mean, variance := math.Sqrt(abar), 1-abar
		for i, s := range plan.Steps {
			mean = s.C0 + s.CX*mean
			variance = s.CX*s.CX*variance + s.Sigma*s.Sigma
			want := 1.0
			if s.TPrev >= 0 {
				want = p.AlphasCumprod[s.TPrev]
			} else if s.Sigma != 0 || i != len(plan.Steps)-1 {
				t.Errorf("%s step %d: sigma %g behind the last step", plan.Name, i, s.Sigma)
			}
			if math.Abs(mean-math.Sqrt(want)) > 1e-12 || math.Abs(variance-(1-want)) > 1e-12 {
				t.Fatalf("%s step %d: mean %.15g variance %.15g, want %.15g %.15g", plan.Name, i, mean, variance, math.Sqrt(want), 1-want)
			}
		}
	}
	for _, steps := range []int{1, 2, 7, 199, 200} {
		check(NewDDPMPlan(p, Sample, FixedSmall, steps, 0))
		for _, sp := range []Spacing{Leading, Trailing, Linspace, QuadraticTime} {
			check(DDPM{Prediction: Sample, Variance: FixedSmall, Steps: steps, Spacing: sp}.Plan(p))
			for _, eta := range []float64{0, .5, 1} {
				check(NewDDIMPlan(p, Sample, steps, eta, sp, 0))
			}
		}
	}
}

// TestFullDDPMPlan: with all T steps the plan is the process's own tables, and
// DDIM with eta 1 is the same chain.
func TestFullDDPMPlan(t *testing.T) {
	p := ho(t)
	plan, err := NewDDPMPlan(p, Epsilon, FixedSmall, 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	ddim, err := NewDDIMPlan(p, Epsilon, 1000, 1, Leading, 1)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Clip != 1 {
		t.Errorf("clip: %g", plan.Clip)
	}
	for i, s := range plan.Steps {
		n := 999 - i
		if s.T != n || s.TPrev != n-1 {
			t.Fatalf("step %d visits %d -> %d", i, s.T, s.TPrev)
		}
		near(t, "c0", s.C0, p.PosteriorMeanCoef1[n], 0)
		near(t, "cx", s.CX, p.PosteriorMeanCoef2[n], 0)
		near(t, "sigma^2", s.Sigma*s.Sigma, p.PosteriorVariance[n], 1e-15)
		near(t, "x_0 from x", s.X0FromX, p.SqrtRecipAlphasCumprod[n], 1e-15)
		near(t, "x_0 from eps", s.X0FromOut, -p.SqrtRecipm1AlphasCumprod[n], 1e-15)
		if d := ddim.Steps[i]; math.Abs(d.C0-s.C0) > 1e-11 || math.Abs(d.CX-s.CX) > 1e-11 || math.Abs(d.Sigma-s.Sigma) > 1e-11 {
			t.Fatalf("t = %d: DDIM eta 1 %+v, DDPM %+v", n, d, s)
		}
	}
}

// TestClippedDDIM: the noise of a clipped step is that of the clipped x_0.
func TestClippedDDIM(t *testing.T) {
	p := ho(t)
	plan, err := NewDDIMPlan(p, Epsilon, 10, 0, Leading, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := plan.Steps[3]
	x, eps := 1.7, -0.4
	abar, prev := p.AlphasCumprod[600], p.AlphasCumprod[500]
	x0 := (x - math.Sqrt(1-abar)*eps) / math.Sqrt(abar)
	near(t, "x_0", s.X0FromX*x+s.X0FromOut*eps, x0, 1e-13)
	if x0 < 1 {
		t.Fatalf("x_0 = %g is not clipped", x0)
	}
	clipped := (x - math.Sqrt(abar)) / math.Sqrt(1-abar)
	near(t, "x_prev", s.C0*1+s.CX*x, math.Sqrt(prev)+math.Sqrt(1-prev)*clipped, 1e-12)
}

func TestSpacing(t *testing.T) {
	for sp, want := range map[Spacing][]int{
		Leading:       {900, 800, 700, 600, 500, 400, 300, 200, 100, 0},
		Trailing:      {999, 899, 799, 699, 599, 499, 399, 299, 199, 99},
		Linspace:      {999, 888, 777, 666, 555, 444, 333, 222, 111, 0},
		QuadraticTime: {800, 632, 483, 355, 246, 158, 88, 39, 9, 0},
	} {
		got, err := SpacedTimesteps(1000, 10, sp, 0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", sp, got, err, want)
		}
		for _, T := range []int{1, 2, 3, 7, 40, 1000} {
			for _, steps := range []int{1, 2, 3, 6, 7, 33, 40, 999, 1000} {
				ts, err := SpacedTimesteps(T, steps, sp, 0)
				if steps > T {
					if err == nil {
						t.Errorf("%s: %d steps of %d accepted", sp, steps, T)
					}
					continue
				}
				if err != nil || len(ts) != steps || ts[0] >= T || ts[steps-1] < 0 {
					t.Errorf("%s %d of %d: %v, %v", sp, steps, T, ts, err)
				}
				for i := 1; i < len(ts); i++ {
					if ts[i] >= ts[i-1] {
						t.Fatalf("%s %d of %d: not decreasing: %v", sp, steps, T, ts)
					}
				}
				if steps == T && ts[0] != T-1 {
					t.Errorf("%s: all %d steps start at %d", sp, T, ts[0])
				}
			}
		}
	}
	got, err := SpacedTimesteps(1000, 4, Leading, 1)
	if err != nil || !slices.Equal(got, []int{751, 501, 251, 1}) {
		t.Errorf("leading with offset 1: %v, %v", got, err)
	}
}

func TestFinalAlpha(t *testing.T) {
	p := ho(t)
	plan, err := DDIM{Prediction: Epsilon, Steps: 10, KeepAlphaZero: true}.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	last := plan.Steps[9] // t = 0 to abar_0: the identity
	near(t, "cx", last.CX, 1, 1e-12)
	if math.Abs(last.C0) > 1e-12 || last.TPrev != -1 || last.Sigma != 0 {
		t.Errorf("last step: %+v", last)
	}
}

func TestPlanErrors(t *testing.T) {
	p := ho(t)
	for want, f := range map[string]func() (*Plan, error){
		"0 sampling steps":                func() (*Plan, error) { return NewDDPMPlan(p, Epsilon, FixedSmall, 0, 0) },
		"1001 sampling steps":             func() (*Plan, error) { return NewDDIMPlan(p, Epsilon, 1001, 0, Leading, 0) },
		"eta is 1.5":                      func() (*Plan, error) { return NewDDIMPlan(p, Epsilon, 10, 1.5, Leading, 0) },
		`unknown spacing "karras"`:        func() (*Plan, error) { return NewDDIMPlan(p, Epsilon, 10, 0, "karras", 0) },
		`unknown prediction type "score"`: func() (*Plan, error) { return NewDDIMPlan(p, "score", 10, 0, Leading, 0) },
		`unknown variance type "learned"`: func() (*Plan, error) { return NewDDPMPlan(p, Epsilon, "learned", 10, 0) },
		"the bound of x_0 is -1":          func() (*Plan, error) { return NewDDPMPlan(p, Epsilon, FixedSmall, 10, -1) },
		"offset of 1 needs leading": func() (*Plan, error) {
			return DDIM{Prediction: Epsilon, Steps: 9, Spacing: Trailing, StepsOffset: 1}.Plan(p)
		},
		"1000 leading steps with offset 1": func() (*Plan, error) { return DDIM{Prediction: Epsilon, Steps: 1000, StepsOffset: 1}.Plan(p) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	plan, err := NewDDIMPlan(p, "v", 10, 0, "", 0)
	if err != nil || plan.Steps[0].X0FromX >= 1 {
		t.Errorf("short name of v-prediction: %+v, %v", plan, err)
	}
}
