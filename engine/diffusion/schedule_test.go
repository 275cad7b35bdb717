package diffusion

import (
	"math"
	"strings"
	"testing"
)

// near fails unless |got-want| <= rel*|want|.
func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s: got %.17g, want %.17g (relative tolerance %g)", what, got, want, rel)
	}
}

func mustProcess(t *testing.T, s Schedule) *Process {
	t.Helper()
	p, err := NewProcess(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ho(t *testing.T) *Process { return mustProcess(t, Schedule{Kind: Linear, Timesteps: 1000}) }

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

func TestLinearBetas(t *testing.T) {
	betas, err := Schedule{Kind: Linear, Timesteps: 1000}.Betas()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]float64{0: 1e-4, 1: 1.1991991991991993e-4, 499: .010040040040040039, 999: .02} {
		near(t, "beta", betas[i], want, 1e-16)
	}
	near(t, "sum of betas", sum(betas), 10.05, 1e-14)
}

func TestOtherSchedules(t *testing.T) {
	cos := mustProcess(t, Schedule{Kind: "squaredcos_cap_v2", Timesteps: 1000})
	near(t, "cosine beta 0", cos.Betas[0], 4.12842248219691e-5, 1e-11)
	near(t, "cosine beta 998", cos.Betas[998], .749999392901117, 1e-13)
	near(t, "cosine beta 999", cos.Betas[999], .999, 0)
	for i, want := range map[int]float64{0: .999958715775178, 249: .847012161326905, 499: .493843590440638,
		749: .144272102385736, 998: 2.42876690703485e-6, 999: 2.42876690703486e-9} {
		near(t, "cosine abar", cos.AlphasCumprod[i], want, 1e-12)
	}
	cos = mustProcess(t, Schedule{Kind: Cosine, Timesteps: 4000})
	near(t, "cosine 4000 beta 0", cos.Betas[0], 9.86581881368132e-6, 1e-10)
	for i, want := range map[int]float64{0: .999990134181186, 1999: .493843590440636, 3999: 1.51798046885145e-10} {
		near(t, "cosine 4000 abar", cos.AlphasCumprod[i], want, 1e-11)
	}

	blog := mustProcess(t, Schedule{Kind: Linear, Timesteps: 300})
	near(t, "T=300 abar 149", blog.AlphasCumprod[149], .46705467960455, 1e-13)
	near(t, "T=300 abar 299", blog.AlphasCumprod[299], .04805842894429403, 1e-13)
	near(t, "T=300 posterior 1", blog.PosteriorVariance[1], 6.248822e-5, 1e-7)

	timegrad := mustProcess(t, Schedule{Kind: Linear, Timesteps: 100, BetaEnd: 0.1})
	near(t, "timegrad abar 49", timegrad.AlphasCumprod[49], .28298083739743174, 1e-14)
	near(t, "timegrad abar 99", timegrad.AlphasCumprod[99], .005618761019373728, 1e-13)
	near(t, "timegrad posterior 1", timegrad.PosteriorVariance[1], 9.173773834891917e-5, 1e-12)
	near(t, "timegrad posterior 99", timegrad.PosteriorVariance[99], .0999372165568439, 1e-13)
}

func TestScheduleShapes(t *testing.T) {
	get := func(s Schedule) []float64 {
		b, err := s.Betas()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	q := get(Schedule{Kind: Quadratic, Timesteps: 3, BetaStart: .01, BetaEnd: .09})
	near(t, "quadratic middle", q[1], .04, 1e-15) // roots .1, .2, .3
	if s := get(Schedule{Kind: "scaled_linear", Timesteps: 3, BetaStart: .01, BetaEnd: .09}); s[1] != q[1] {
		t.Errorf("scaled-linear %v differs from quadratic %v", s, q)
	}
	sig := get(Schedule{Kind: Sigmoid, Timesteps: 5, BetaStart: .1, BetaEnd: .3})
	near(t, "sigmoid middle", sig[2], .2, 1e-15)
	near(t, "sigmoid start", sig[0], .1+.2/(1+math.Exp(6)), 1e-15)
	for _, b := range get(Schedule{Kind: "const", Timesteps: 4, BetaEnd: .3}) {
		near(t, "constant", b, .3, 0)
	}
	jsd := get(Schedule{Kind: JSD, Timesteps: 40})
	near(t, "jsd first", jsd[0], 1./40, 0)
	near(t, "jsd last but one", jsd[38], .5, 0)
	near(t, "jsd last", jsd[39], .999, 0)
	// The products telescope: abar_t = (T-t-1)/T before the cap.
	p := mustProcess(t, Schedule{Kind: JSD, Timesteps: 40})
	near(t, "jsd abar 19", p.AlphasCumprod[19], .5, 1e-14)
	near(t, "jsd abar 39", p.AlphasCumprod[39], .001/40, 1e-12)
	for _, kind := range []string{Linear, ScaledLinear, Quadratic} { // as numpy.linspace
		near(t, kind+" with one timestep", get(Schedule{Kind: kind, Timesteps: 1, BetaStart: .04, BetaEnd: .09})[0], .04, 1e-15)
	}
	for _, kind := range Kinds() {
		if b := get(Schedule{Kind: kind, Timesteps: 1}); len(b) != 1 {
			t.Errorf("%s with one timestep: %v", kind, b)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want string
	}{
		{Schedule{Kind: "cubic", Timesteps: 10}, `unknown schedule "cubic"`},
		{Schedule{Kind: Linear}, "timesteps is 0"},
		{Schedule{Kind: Linear, Timesteps: -1}, "timesteps is -1"},
		{Schedule{Kind: Linear, Timesteps: 1 << 30}, "timesteps is"},
		{Schedule{Kind: Linear, Timesteps: 10, BetaStart: -.1}, "beta_start is -0.1"},
		{Schedule{Kind: Linear, Timesteps: 10, BetaEnd: 1}, "beta_end is 1"},
		{Schedule{Kind: Cosine, Timesteps: 10, CosineS: math.NaN()}, "cosine_s is NaN"},
		{Schedule{Kind: JSD, Timesteps: 10, MaxBeta: 2}, "max_beta is 2"},
	} {
		if _, err := c.s.Betas(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want %q", c.s, err, c.want)
		}
	}
}

func TestDiffusersNames(t *testing.T) {
	for _, name := range []string{"linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"} {
		kind, err := ParseKind(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Schedule{Kind: kind, Timesteps: 10}.DiffusersName()
		if err != nil || got != name {
			t.Errorf("%s -> %s -> %q, %v", name, kind, got, err)
		}
	}
	for _, s := range []Schedule{{Kind: JSD, Timesteps: 10}, {Kind: Constant, Timesteps: 10}, {Kind: Cosine, Timesteps: 10, CosineS: .01}} {
		if name, err := s.DiffusersName(); err == nil {
			t.Errorf("%+v has no diffusers name, got %q", s, name)
		}
	}
}
