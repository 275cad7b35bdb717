package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func process(t *testing.T, s diffusion.Schedule) *diffusion.Process {
	t.Helper()
	p, err := diffusion.NewProcess(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ho is the schedule of Ho et al. 2020.
func ho(t *testing.T) *diffusion.Process {
	return process(t, diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
}

// unbounded are the options of DDPM and DDIM without clipping.
func unbounded(steps int) Options {
	return Options{Steps: steps, PredictionType: diffusion.Epsilon, TimestepSpacing: Leading, VarianceType: "fixed_small",
		SetAlphaToOne: true}
}

func tableOf(t *testing.T, name string, p *diffusion.Process, o Options) *Table {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s is %.17g, expected %.17g", what, got, want)
	}
}

// finalVariance runs the variance recursion of a chain that starts at N(0, 1) on data N(0, 1) with the exact network.
func finalVariance(p *diffusion.Process, table *Table, pred diffusion.Prediction) float64 {
	v := 1.0
	for _, s := range table.Steps {
		abar := p.AlphasCumprod[int(s.T)]
		out := math.Sqrt(1 - abar) // eps = out * x
		switch pred {
		case diffusion.Sample:
			out = math.Sqrt(abar)
		case diffusion.VPrediction:
			out = 0
		}
		a := s.Next.X0*(s.X0X+s.X0Out*out) + s.Next.X + s.Next.Out*out
		v = a*a*v + s.Next.Z*s.Next.Z
	}
	return v
}

func TestGaussianChains(t *testing.T) {
	p := ho(t)
	for _, pred := range []diffusion.Prediction{diffusion.Epsilon, diffusion.Sample, diffusion.VPrediction} {
		o := unbounded(1000)
		o.PredictionType = pred
		for v, want := range map[string]float64{"fixed_small": .9910673763521608, "fixed_large": .9998999999993335} {
			o.VarianceType = v
			near(t, "ancestral "+v, finalVariance(p, tableOf(t, "ddpm", p, o), pred), want, 1e-11)
		}
		for steps, want := range map[int]float64{10: .8316958768283756, 50: .9640792714550708, 100: .981850834569559,
			1000: .9981242939976004} {
			o.Steps = steps
			near(t, "DDIM std", math.Sqrt(finalVariance(p, tableOf(t, "ddim", p, o), pred)), want, 1e-11)
		}
	}
}

// TestMarginals: with the exact x_0 as the network's output, DDPM and DDIM keep x_t at N(sqrt(abar) x_0, 1 - abar),
// whatever the steps, spacing and eta.
func TestMarginals(t *testing.T) {
	p := process(t, diffusion.Schedule{Kind: diffusion.Cosine, Timesteps: 200})
	check := func(table *Table) {
		t.Helper()
		abar := p.AlphasCumprod[int(table.Steps[0].T)]
		mean, variance := math.Sqrt(abar), 1-abar
		for i, s := range table.Steps {
			mean = s.Next.X0 + s.Next.X*mean
			variance = s.Next.X*s.Next.X*variance + s.Next.Z*s.Next.Z
			want := 1.0
			if s.TPrev >= 0 {
				want = p.AlphasCumprod[int(s.TPrev)]
			} else if s.Next.Z != 0 || i != len(table.Steps)-1 {
				t.Errorf("%s step %d: noise %g behind the last step", table.Name, i, s.Next.Z)
			}
			if math.Abs(mean-math.Sqrt(want)) > 1e-12 || math.Abs(variance-(1-want)) > 1e-12 {
				t.Fatalf("%s step %d: mean %.15g variance %.15g, expected %.15g %.15g", table.Name, i, mean, variance,
					math.Sqrt(want), 1-want)
			}
		}
	}
	for _, steps := range []int{1, 2, 7, 199, 200} {
		for _, spacing := range []Spacing{Leading, Trailing, Linspace, QuadraticTime} {
			o := unbounded(steps)
			o.PredictionType, o.TimestepSpacing = diffusion.Sample, spacing
			check(tableOf(t, "ddpm", p, o))
			for _, o.Eta = range []float64{0, .5, 1} {
				check(tableOf(t, "ddim", p, o))
			}
		}
	}
}

// TestFullDDPM: with all T steps the table is the process's own, and DDIM with eta 1 is the same chain.
func TestFullDDPM(t *testing.T) {
	p := ho(t)
	o := unbounded(1000)
	o.Eta = 1
	table, ddim := tableOf(t, "ddpm", p, o), tableOf(t, "ddim", p, o)
	for i, s := range table.Steps {
		n := 999 - i
		if s.T != float64(n) || s.TPrev != float64(n-1) {
			t.Fatalf("step %d visits %v -> %v", i, s.T, s.TPrev)
		}
		near(t, "weight of x_0", s.Next.X0, p.PosteriorMeanCoef1[n], 0)
		near(t, "weight of x", s.Next.X, p.PosteriorMeanCoef2[n], 0)
		near(t, "sigma^2", s.Next.Z*s.Next.Z, p.PosteriorVariance[n], 1e-15)
		near(t, "x_0 from x", s.X0X, p.SqrtRecipAlphasCumprod[n], 1e-15)
		near(t, "x_0 from eps", s.X0Out, -p.SqrtRecipm1AlphasCumprod[n], 1e-15)
		d := ddim.Steps[i].Next
		if math.Abs(d.X0-s.Next.X0) > 1e-11 || math.Abs(d.X-s.Next.X) > 1e-11 || math.Abs(d.Z-s.Next.Z) > 1e-11 {
			t.Fatalf("t = %d: DDIM eta 1 %+v, DDPM %+v", n, d, s.Next)
		}
	}
}

// TestClippedDDIM: the noise of a clipped step is that of the prediction, or belongs to the clipped x_0.
func TestClippedDDIM(t *testing.T) {
	p := ho(t)
	const x, out, at = 1.7, -.4, 3
	abar, prev := p.AlphasCumprod[600], p.AlphasCumprod[500]
	signal, noise := math.Sqrt(abar), math.Sqrt(1-abar)
	for pred, of := range map[diffusion.Prediction]struct{ x0, eps float64 }{
		diffusion.Epsilon:     {(x - noise*out) / signal, out},
		diffusion.Sample:      {out, (x - signal*out) / noise},
		diffusion.VPrediction: {signal*x - noise*out, signal*out + noise*x},
	} {
		o := unbounded(10)
		o.PredictionType, o.ClipSample, o.ClipSampleRange = pred, true, .3
		clipped := math.Max(-.3, math.Min(.3, of.x0))
		for own, eps := range map[bool]float64{false: of.eps, true: (x - signal*clipped) / noise} {
			o.UseClippedModelOutput = own
			table := tableOf(t, "ddim", p, o)
			s := table.Steps[at]
			if x0 := s.X0X*x + s.X0Out*out; table.Clip != .3 || math.Abs(x0-of.x0) > 1e-12 || clipped == of.x0 {
				t.Errorf("%s: x_0 is %v clipped at %v, expected %v", pred, x0, table.Clip, of.x0)
			}
			got := s.Next.X0*clipped + s.Next.X*x + s.Next.Out*out
			near(t, string(pred), got, math.Sqrt(prev)*clipped+math.Sqrt(1-prev)*eps, 1e-12)
		}
	}
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
			t.Errorf("%s: %v, %v; expected %v", sp, got, err, want)
		}
		for _, T := range []int{1, 2, 3, 7, 40, 1000} {
			for _, steps := range []int{1, 2, 3, 6, 7, 33, 40, 999, 1000} {
				checkSpacing(t, T, steps, sp)
			}
		}
	}
	got, err := SpacedTimesteps(1000, 4, Leading, 1)
	if err != nil || !slices.Equal(got, []int{751, 501, 251, 1}) {
		t.Errorf("leading with offset 1: %v, %v", got, err)
	}
}

func checkSpacing(t *testing.T, T, steps int, sp Spacing) {
	t.Helper()
	ts, err := SpacedTimesteps(T, steps, sp, 0)
	if steps > T {
		if err == nil {
			t.Errorf("%s: %d steps of %d accepted", sp, steps, T)
		}
		return
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

// TestDiffusersSpacing holds where numpy's rounding differs from ours.
func TestDiffusersSpacing(t *testing.T) {
	ts, err := diffusersTimesteps(1000, 1, Linspace, 0)
	if err != nil || !slices.Equal(ts, []int{0}) {
		t.Errorf("one linspace step: %v, %v; expected 0", ts, err)
	}
	more := 0
	for steps := 1; steps <= 1000; steps++ {
		ts, err := diffusersTimesteps(1000, steps, Trailing, 0)
		if err != nil || len(ts) < steps || len(ts) > steps+1 || ts[0] != 999 {
			t.Fatalf("%d trailing steps: %v, %v", steps, ts, err)
		}
		more += len(ts) - steps
	}
	if more == 0 {
		t.Error("numpy's arange gives one timestep more for some numbers of steps")
	}
}

// TestRules: where the chain ends above t = 0, and where steps do not divide T, the two rules differ.
func TestRules(t *testing.T) {
	p := ho(t)
	o := unbounded(10)
	o.TimestepSpacing, o.VarianceType = Trailing, "fixed_large"
	own := tableOf(t, "ddpm", p, o)
	o.Rule = Diffusers
	theirs := tableOf(t, "ddpm", p, o)
	if own.Steps[9].Noise() || math.Abs(theirs.Steps[9].Next.Z-.32) > .005 {
		t.Errorf("noise at the last step: %v and %v, expected 0 and .32", own.Steps[9].Next.Z, theirs.Steps[9].Next.Z)
	}
	o.TimestepSpacing = Linspace
	theirs = tableOf(t, "ddim", p, o)
	near(t, "abar_prev at t - 100", theirs.Steps[0].Next.X0+math.Sqrt(p.AlphasCumprod[999])*theirs.Steps[0].Next.X,
		math.Sqrt(p.AlphasCumprod[899]), 1e-12)
	o.Rule = Unnoise
	own = tableOf(t, "ddim", p, o)
	near(t, "abar_prev at the next timestep", own.Steps[0].Next.X0+math.Sqrt(p.AlphasCumprod[999])*own.Steps[0].Next.X,
		math.Sqrt(p.AlphasCumprod[888]), 1e-12)
}

func TestFinalAlpha(t *testing.T) {
	p := ho(t)
	o := unbounded(10)
	o.SetAlphaToOne = false
	last := tableOf(t, "ddim", p, o).Steps[9] // t = 0 to abar_0: the identity
	near(t, "weight of x", last.Next.X, 1, 1e-12)
	if math.Abs(last.Next.X0) > 1e-12 || last.TPrev != -1 || last.Noise() {
		t.Errorf("last step: %+v", last)
	}
}

// TestRefusals: what is wrong is named.
func TestRefusals(t *testing.T) {
	p := ho(t)
	for _, c := range []struct {
		name, want string
		adjust     func(o *Options)
	}{
		{"ddim", "1001 sampling steps", func(o *Options) { o.Steps = 1001 }},
		{"ddim", "eta is 1.5", func(o *Options) { o.Eta = 1.5 }},
		{"ddim", `unknown spacing "karras"`, func(o *Options) { o.TimestepSpacing = "karras" }},
		{"ddim", `unknown prediction type "score"`, func(o *Options) { o.PredictionType = "score" }},
		{"ddim", "clip_sample_range is -1", func(o *Options) { o.ClipSampleRange = -1 }},
		{"ddim", "1000 leading steps with offset 1", func(o *Options) { o.Steps, o.StepsOffset = 1000, 1 }},
		{"ddim", "dynamic_thresholding_ratio 2", func(o *Options) { o.Thresholding, o.DynamicThresholdingRatio = true, 2 }},
		{"ddim", "epsilon says nothing at abar = 0", func(o *Options) {
			o.RescaleBetasZeroSNR, o.TimestepSpacing = true, Trailing
		}},
		{"ddpm", "variance_type learned_range", func(o *Options) { o.VarianceType = "learned_range" }},
		{"ddpm", "fixed_large_log", func(o *Options) { o.VarianceType, o.Rule = "fixed_large_log", Diffusers }},
		{"euler", "choose one", func(o *Options) { o.UseKarrasSigmas, o.UseBetaSigmas = true, true }},
		{"euler", "final_sigmas_type", func(o *Options) { o.FinalSigmasType = "one" }},
		{"euler", "interpolation_type", func(o *Options) { o.InterpolationType = "cubic" }},
		{"lms", "order is 5", func(o *Options) { o.SolverOrder = 5 }},
		{"pndm", "at least 4", func(o *Options) { o.Steps = 3 }},
		{"pndm", "epsilon or v_prediction", func(o *Options) { o.PredictionType = "sample" }},
		{"dpmpp-2m", "solver_order is 4", func(o *Options) { o.SolverOrder = 4 }},
		{"dpmpp-2m", "final_sigmas_type zero", func(o *Options) { o.AlgorithmType = "dpmsolver" }},
		{"dpmpp-2m", "no order 3", func(o *Options) {
			o.AlgorithmType, o.SolverOrder, o.FinalSigmasType = "sde-dpmsolver", 3, "sigma_min"
		}},
		{"dpmpp-2m", "solver_type", func(o *Options) { o.SolverType = "rk4" }},
		{"dpmpp-2m", "do not fit 1000 timesteps", func(o *Options) { o.Steps = 1000 }},
		{"dpmpp-2s", "no singlestep form", func(o *Options) {
			o.AlgorithmType, o.FinalSigmasType = "sde-dpmsolver", "sigma_min"
		}},
		{"deis", "algorithm_type", func(o *Options) { o.AlgorithmType = "euler" }},
		{"unipc", "solver_type bh1 is not finite", func(o *Options) { o.SolverType = "bh1" }},
		{"unipc", "lower_order_final false is not finite", func(o *Options) { o.LowerOrderFinal = false }},
		{"unipc", "predict_x0 false is not finite", func(o *Options) { o.PredictX0 = false }},
		{"edm", "sigma_min", func(o *Options) { o.Rho = -1 }},
		{"dpmpp-sde", "r is 2", func(o *Options) { o.R = 2 }},
	} {
		o := defaults(t, c.name)
		o.Steps = 10
		c.adjust(&o)
		s, err := Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Table(p, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected %q", c.name, err, c.want)
		}
	}
}

// TestValidate: what executors rely on is checked.
func TestValidate(t *testing.T) {
	step := func(next Coef, writes ...Write) Step { return Step{InScale: 1, X0Out: 1, Next: next, Writes: writes} }
	one := Coef{X0: 1}
	for want, table := range map[string]*Table{
		"no steps":                  {Init: 1},
		"both clipping":             {Init: 1, Clip: 1, Threshold: &Threshold{Ratio: 1, Max: 1}, Steps: []Step{step(one)}},
		"expected finite":           {Init: math.NaN(), Steps: []Step{step(one)}},
		"not finite":                {Init: 1, Steps: []Step{step(Coef{X: math.Inf(1)})}},
		"read before it is written": {Init: 1, History: 1, Steps: []Step{step(slot(0))}},
		"at most 2": {Init: 1, History: 3, Steps: []Step{
			step(one, Write{0, one}, Write{1, one}, Write{2, one})}},
		"history slot 0 of 1": {Init: 1, History: 1, Steps: []Step{step(one, Write{0, one}, Write{0, one})}},
		"history slot 7":      {Init: 1, History: 9, Steps: []Step{step(one, Write{7, one})}},
	} {
		if err := table.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
	if err := (&Table{Init: 1, History: 1, Steps: []Step{step(one, Write{0, one}), step(slot(0))}}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestThreshold holds thresholding to a sample worked out by hand: each sample has its own quantile.
func TestThreshold(t *testing.T) {
	table := &Table{Init: 1, Threshold: &Threshold{Ratio: .75, Max: 3},
		Steps: []Step{{InScale: 1, X0Out: 1, Next: Coef{X0: 1}}}}
	x := []float64{.1, -.2, .3, .4, .5 /* quantile .4, held to 1 */, 8, -4, 2, 1, 0 /* 4, held to 3 */, 2, -2, 1, 0, 0 /* 2 */}
	// Order statistics at rank .75 * 4 = 3.
	want := []float64{.1, -.2, .3, .4, .5, 1, -1, 2. / 3, 1. / 3, 0, 1, -1, .5, 0, 0}
	got, err := table.Run64(func(x []float64, _ float64) []float64 { return x }, x, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-15 {
			t.Errorf("element %d is %v, expected %v", i, got[i], w)
		}
	}
}

// TestEverySampler builds every sampler's default table on a usual schedule.
func TestEverySampler(t *testing.T) {
	p := ho(t)
	for _, name := range Names() {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		o := s.Defaults
		o.PredictionType = diffusion.Epsilon
		table, err := s.Table(p, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if samples := table.Steps[len(table.Steps)-1].Sample + 1; s.Steps != 0 && samples != s.Steps {
			t.Errorf("%s takes %d steps, expected %d", name, samples, s.Steps)
		}
		for _, key := range s.Keys {
			if o.Field(key) == nil {
				t.Errorf("%s reads an unknown key %q", name, key)
			}
		}
	}
}
