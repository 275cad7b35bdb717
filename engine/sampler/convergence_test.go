package sampler

import (
	"fmt"
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// gaussianDeviation is that of the data, of mean 0.
const gaussianDeviation = 0.2

// gaussian2 is the variance of x at a level.
func gaussian2(l Level) float64 {
	return l.Alpha*l.Alpha*gaussianDeviation*gaussianDeviation + l.Sigma*l.Sigma
}

// lambdaGrid is n+3 steps from lambda -4 to 0, even but for a first one cut in four. Methods that start at a lower
// order do so over steps of the order of their square, so that their later order is seen.
func lambdaGrid(n int, exploding bool) *Grid {
	const first, last = -4.0, 0.0
	at := func(ratio float64) Level {
		if exploding {
			return Level{T: -math.Log(ratio), Alpha: 1, Sigma: ratio, InScale: 1, X0Out: 1}
		}
		return lambdaLevel(-math.Log(ratio))
	}
	h := (last - first) / float64(n)
	lambdas := []float64{first, first + h*h/20, first + h*h/10, first + h*h/5}
	for i := 1; i <= n; i++ {
		lambdas = append(lambdas, first+h*float64(i))
	}
	g := &Grid{Init: 1, At: at}
	for _, lambda := range lambdas {
		g.Levels = append(g.Levels, at(math.Exp(-lambda)))
	}
	return g
}

// gaussianDenoiser gives x_0 at the levels of a grid whose T is lambda.
func gaussianDenoiser(g *Grid) func(x []float64, lambda float64) []float64 {
	return func(x []float64, lambda float64) []float64 {
		l, out := g.At(math.Exp(-lambda)), make([]float64, len(x))
		for i, v := range x {
			out[i] = l.Alpha * gaussianDeviation * gaussianDeviation * v / gaussian2(l)
		}
		return out
	}
}

func order(n int) func(*Options) { return func(o *Options) { o.SolverOrder = n } }

func deterministic(o *Options) { o.Eta = 0 }

// convergences are the orders of the deterministic solvers. UniPC's corrector adds one to its predictor's. The
// published third order of multistep DPM-Solver halves the second derivative and is of order 2 (golden data of
// diffusers and k-diffusion hold it to that).
var convergences = []struct {
	name, variant string
	adjust        func(*Options)
	order         float64
}{
	{"euler", "", nil, 1},
	{"euler-ancestral", "eta 0", deterministic, 1},
	{"heun", "", nil, 2},
	{"edm", "", nil, 2},
	{"edm", "middle", func(o *Options) { o.R = .5 }, 2},
	{"edm-euler", "", nil, 1},
	{"edm-dpmpp-2m", "", nil, 2},
	{"kdpm2", "", nil, 2},
	{"kdpm2-ancestral", "eta 0", deterministic, 2},
	{"lms", "order 1", order(1), 1},
	{"lms", "order 2", order(2), 2},
	{"lms", "order 3", order(3), 3},
	{"lms", "order 4", nil, 4},
	{"deis", "order 1", order(1), 1},
	{"deis", "order 2", nil, 2},
	{"deis", "order 3", order(3), 3},
	{"dpmpp-2m", "order 1", order(1), 1},
	{"dpmpp-2m", "midpoint", nil, 2},
	{"dpmpp-2m", "heun", func(o *Options) { o.SolverType = "heun" }, 2},
	{"dpmpp-2m", "order 3", order(3), 2},
	{"dpmpp-2m", "dpmsolver order 1", func(o *Options) { o.AlgorithmType, o.SolverOrder = "dpmsolver", 1 }, 1},
	{"dpmpp-2m", "dpmsolver order 2", func(o *Options) { o.AlgorithmType = "dpmsolver" }, 2},
	{"dpmpp-2m", "dpmsolver order 3", func(o *Options) { o.AlgorithmType, o.SolverOrder = "dpmsolver", 3 }, 2},
	{"dpmpp-2m-sde", "eta 0", deterministic, 2},
	{"dpmpp-3m-sde", "eta 0", deterministic, 2},
	{"dpmpp-2s", "order 1", order(1), 1},
	{"dpmpp-2s", "order 2", nil, 2},
	{"dpmpp-2s", "order 3", order(3), 3},
	{"dpmpp-2s", "order 3 heun", func(o *Options) { o.SolverOrder, o.SolverType = 3, "heun" }, 3},
	{"dpmpp-2s", "dpmsolver order 3", func(o *Options) { o.AlgorithmType, o.SolverOrder = "dpmsolver", 3 }, 3},
	{"dpmpp-2s-ancestral", "eta 0", deterministic, 2},
	{"dpmpp-2s-ancestral", "eta 0 heun", func(o *Options) { o.Eta, o.SolverType, o.R = 0, "heun", .4 }, 2},
	{"dpmpp-sde", "eta 0", deterministic, 2},
	{"unipc", "order 1", order(1), 2},
	{"unipc", "order 2", nil, 3},
	{"unipc", "order 3", order(3), 4},
	{"unipc", "bh1 order 2", func(o *Options) { o.SolverType = "bh1" }, 3},
	{"unipc", "noise order 2", func(o *Options) { o.PredictX0 = false }, 3},
	{"unipc", "without corrector", func(o *Options) {
		for i := range 1000 {
			o.DisableCorrector = append(o.DisableCorrector, i)
		}
	}, 2},
}

// TestConvergence fits the order of every solver on the exact solution for Gaussian data, x scaled by its deviation.
func TestConvergence(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range convergences {
		seen[c.name] = true
		t.Run(c.name+" "+c.variant, func(t *testing.T) {
			var errs [2]float64
			for i, n := range []int{90, 360} {
				o := defaults(t, c.name)
				o.LowerOrderFinal, o.Grid = false, lambdaGrid(n, c.name == "edm")
				if c.adjust != nil {
					c.adjust(&o)
				}
				levels := o.Grid.Levels
				x := []float64{math.Sqrt(gaussian2(levels[0]))}
				got, err := build(t, c.name, o).Run64(gaussianDenoiser(o.Grid), x, 1, nil)
				if err != nil {
					t.Fatal(err)
				}
				errs[i] = math.Abs(got[0] - math.Sqrt(gaussian2(levels[len(levels)-1])))
			}
			if slope := math.Log(errs[0]/errs[1]) / math.Log(4); !(math.Abs(slope-c.order) <= .25) {
				t.Errorf("order %.2f (errors %.2g), expected %g", slope, errs, c.order)
			}
		})
	}
	for _, name := range []string{"ddpm", "ddim", "pndm"} { // on timesteps alone, below
		seen[name] = true
	}
	for _, name := range Names() {
		if !seen[name] && name != "test-mean" {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// TestTimestepConvergence is TestConvergence for samplers that walk the timesteps of a schedule. PNDM's transfer
// along the slopes of order 4 is itself of order 2 (Liu et al. 2022, property 3.2).
func TestTimestepConvergence(t *testing.T) {
	p := longProcess(t)
	for _, c := range []struct {
		name  string
		o     Options
		order float64
	}{
		{"ddim", Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Leading}, 1},
		{"pndm", Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Leading}, 2},
		{"pndm", Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Leading, SkipPRKSteps: true}, 2},
	} {
		t.Run(fmt.Sprint(c.name, " ", c.o.SkipPRKSteps), func(t *testing.T) {
			coarse, fine := timestepError(t, p, c.name, c.o, 128), timestepError(t, p, c.name, c.o, 512)
			if slope := math.Log(coarse/fine) / math.Log(4); !(math.Abs(slope-c.order) <= .25) {
				t.Errorf("order %.2f (errors %.2g, %.2g), expected %g", slope, coarse, fine, c.order)
			}
		})
	}
}

// timestepError is the error of a chain of n steps a quarter of the schedule before its end, where sigma(t) is
// smooth.
func timestepError(t *testing.T, p *diffusion.Process, name string, o Options, n int) float64 {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	o.Steps = n
	table, err := s.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	deviation := func(t float64) float64 {
		abar := p.AlphasCumprod[int(t)]
		return math.Sqrt(abar*gaussianDeviation*gaussianDeviation + 1 - abar)
	}
	net := func(x []float64, at float64) []float64 {
		d := deviation(at)
		return []float64{math.Sqrt(1-p.AlphasCumprod[int(at)]) * x[0] / (d * d)}
	}
	worst, end := math.Inf(1), float64(p.Timesteps()/4)
	_, err = table.run64(net, []float64{deviation(table.Steps[0].T)}, 1, nil,
		func(i int, x []float64, _ [MaxHistory][]float64) {
			if table.Steps[i].TPrev == end {
				worst = math.Abs(x[0] - deviation(end))
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	return worst
}

// TestStochasticConvergence fits the order at which the variance of stochastic samplers' results tends to the data's.
// diffusers' sign in the third order of sde-dpmsolver++ costs it an order.
func TestStochasticConvergence(t *testing.T) {
	algorithm := func(algorithm string, order int, rule Rule) func(*Options) {
		return func(o *Options) { o.AlgorithmType, o.SolverOrder, o.Rule = algorithm, order, rule }
	}
	for _, c := range []struct {
		name, variant string
		adjust        func(*Options)
		order         float64
	}{
		{"euler-ancestral", "", nil, 1},
		{"kdpm2-ancestral", "", nil, 2},
		{"dpmpp-2s-ancestral", "", nil, 2},
		{"dpmpp-sde", "", nil, 1},
		{"dpmpp-2m-sde", "", nil, 2},
		{"dpmpp-2m-sde", "eta .5", func(o *Options) { o.Eta = .5 }, 2},
		{"dpmpp-3m-sde", "", nil, 2},
		{"dpmpp-2m", "sde-dpmsolver", algorithm("sde-dpmsolver", 2, Unnoise), 2},
		{"dpmpp-2m", "sde-dpmsolver++ order 3", algorithm("sde-dpmsolver++", 3, Unnoise), 2},
		{"dpmpp-2m", "sde-dpmsolver++ order 3 of diffusers", algorithm("sde-dpmsolver++", 3, Diffusers), 1},
		{"dpmpp-2s", "sde-dpmsolver++", algorithm("sde-dpmsolver++", 2, Unnoise), 1},
	} {
		t.Run(c.name+" "+c.variant, func(t *testing.T) {
			var errs [2]float64
			for i, n := range []int{60, 240} {
				o := defaults(t, c.name)
				o.LowerOrderFinal, o.Grid = false, lambdaGrid(n, false)
				if c.adjust != nil {
					c.adjust(&o)
				}
				levels := o.Grid.Levels
				got := variance(t, build(t, c.name, o), gaussianDenoiser(o.Grid), gaussian2(levels[0]))
				errs[i] = math.Abs(got - gaussian2(levels[len(levels)-1]))
			}
			if slope := math.Log(errs[0]/errs[1]) / math.Log(4); !(math.Abs(slope-c.order) <= .25) {
				t.Errorf("order %.2f (errors %.2g), expected %g", slope, errs, c.order)
			}
		})
	}
}

// variance is that of a linear chain's result for a start of the given variance: the squared response to the start
// and to every draw.
func variance(t *testing.T, table *Table, net Model64, start float64) float64 {
	t.Helper()
	response := func(x float64, draw int) float64 {
		got, err := table.Run64(net, []float64{x}, 1, func(step int, dst []float64) {
			dst[0] = 0
			if step == draw {
				dst[0] = 1
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return got[0] * got[0]
	}
	sum := response(math.Sqrt(start), len(table.Steps))
	for i := range table.Steps {
		if table.Steps[i].Noise() {
			sum += response(0, i)
		}
	}
	return sum
}

// TestAncestralConvergence is TestStochasticConvergence for DDPM and for DDIM with eta 1.
func TestAncestralConvergence(t *testing.T) {
	p := longProcess(t)
	for _, name := range []string{"ddpm", "ddim"} {
		t.Run(name, func(t *testing.T) {
			var errs [2]float64
			for i, n := range []int{60, 240} {
				o := defaults(t, name)
				o.Steps, o.ClipSample, o.Eta, o.VarianceType = n, false, 1, "fixed_small"
				s, err := Lookup(name)
				if err != nil {
					t.Fatal(err)
				}
				table, err := s.Table(p, o)
				if err != nil {
					t.Fatal(err)
				}
				abar := func(t float64) float64 { return p.AlphasCumprod[int(t)] }
				const data = 0.8 // a variance that the coarse last steps resolve
				net := func(x []float64, t float64) []float64 {
					return []float64{math.Sqrt(1-abar(t)) * x[0] / (abar(t)*data + 1 - abar(t))}
				}
				first := abar(table.Steps[0].T)
				errs[i] = math.Abs(variance(t, table, net, first*data+1-first) - data)
			}
			if slope := math.Log(errs[0]/errs[1]) / math.Log(4); !(math.Abs(slope-1) <= .25) {
				t.Errorf("order %.2f (errors %.2g), expected 1", slope, errs)
			}
		})
	}
}

// longProcess is the variance-preserving schedule of Song et al. 2021 in 65,536 timesteps.
func longProcess(t *testing.T) *diffusion.Process {
	t.Helper()
	betas := make([]float64, 1<<16)
	for i := range betas {
		betas[i] = (.1 + 19.9*float64(i)/float64(len(betas))) / float64(len(betas))
	}
	p, err := diffusion.ProcessFromBetas(betas)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
