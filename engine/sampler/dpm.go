package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// dpmDefaults are diffusers' for DPMSolverMultistepScheduler.
func dpmDefaults(algorithm string, order int) Options {
	return Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace,
		DynamicThresholdingRatio: .995, SampleMaxValue: 1, SolverOrder: order,
		AlgorithmType: algorithm, SolverType: "midpoint", LowerOrderFinal: true,
		FinalSigmasType: "zero", LambdaMinClipped: math.Inf(-1), SNoise: 1}
}

// dpmGridKeys are the keys of every DPM-Solver's noise levels and bounds, dpmKeys
// those that every DPM-Solver of diffusers reads.
var (
	dpmGridKeys = append([]string{"beta_schedule", "final_sigmas_type", "lambda_min_clipped", "thresholding",
		"dynamic_thresholding_ratio", "sample_max_value"}, curveKeys...)
	dpmKeys = append([]string{"solver_order", "algorithm_type", "solver_type", "lower_order_final"}, dpmGridKeys...)
)

func init() {
	multistepKeys := append([]string{"euler_at_final", "use_lu_lambdas", "rescale_betas_zero_snr"}, dpmKeys...)
	Register(Sampler{
		Name:     "dpmpp-2m",
		Help:     "DPM-Solver and DPM-Solver++, multistep: order 2 (or solver_order 1..3), one call a step",
		Class:    "DPMSolverMultistepScheduler",
		Steps:    20,
		Keys:     multistepKeys,
		Defaults: dpmDefaults("dpmsolver++", 2),
		Build: func(p *diffusion.Process, o Options) (*Table, error) {
			o.Eta = 1
			return dpmMultistep(p, o, "dpmpp-multistep")
		},
	})
	// The stochastic kinds under the names of k-diffusion, with a share of noise.
	for _, s := range []struct {
		name, help, solverType string
		order                  int
	}{
		{"dpmpp-2m-sde", "DPM-Solver++ multistep of order 2 with noise (eta)", "midpoint", 2},
		{"dpmpp-3m-sde", "DPM-Solver++ multistep of order 3 with noise (eta)", "heun", 3},
	} {
		defaults := dpmDefaults("sde-dpmsolver++", s.order)
		defaults.SolverType, defaults.LowerOrderFinal, defaults.Eta = s.solverType, false, 1
		Register(Sampler{
			Name: s.name, Help: s.help, Steps: 20, Defaults: defaults,
			Keys: append([]string{"use_lu_lambdas", "rescale_betas_zero_snr"}, dpmGridKeys...),
			Build: func(p *diffusion.Process, o Options) (*Table, error) {
				o.AlgorithmType, o.SolverOrder, o.Rule = "sde-dpmsolver++", s.order, Unnoise
				return dpmMultistep(p, o, s.name)
			},
		})
	}
}

// solver is the family of exponential integrators of Lu et al. 2022a (on the
// noise prediction) and 2022b (on x_0), of a share eta of noise.
type solver struct {
	noise bool    // the noise prediction
	heun  bool    // solver_type heun, else midpoint: the weight of the first difference at order 2
	eta   float64 // 0: the differential equation; 1: the stochastic one
	odd   bool    // diffusers' sign in the third order of sde-dpmsolver++
}

// solver reads algorithm_type and solver_type; Eta is the share of noise of
// sde-dpmsolver++. Names of other solvers mean the default, as in diffusers.
func (o *Options) solver() (solver, error) {
	s := solver{odd: o.Rule == Diffusers}
	switch o.SolverType {
	case "heun":
		s.heun = true
	case "midpoint", "logrho", "bh1", "bh2":
	default:
		return s, oneOf("solver_type", o.SolverType, "midpoint", "heun")
	}
	switch o.AlgorithmType {
	case "dpmsolver++", "deis":
	case "dpmsolver":
		s.noise = true
	case "sde-dpmsolver++":
		s.eta = o.Eta
	case "sde-dpmsolver":
		s.noise, s.eta = true, 1
	default:
		return s, oneOf("algorithm_type", o.AlgorithmType,
			"dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++")
	}
	if o.SolverOrder < 1 || o.SolverOrder > 3 {
		return s, fmt.Errorf("solver_order is %d; expected 1..3", o.SolverOrder)
	}
	if s.noise && s.eta != 0 && o.SolverOrder == 3 {
		return s, fmt.Errorf("algorithm_type sde-dpmsolver has no order 3; use solver_order 2 or sde-dpmsolver++")
	}
	if s.noise && o.Grid == nil && o.FinalSigmasType == "zero" {
		return s, fmt.Errorf("final_sigmas_type zero is not finite with algorithm_type %s; use sigma_min",
			o.AlgorithmType)
	}
	return s, nil
}

// model is the prediction that the solver extrapolates.
func (s solver) model(c *chain) Coef {
	if s.noise {
		return c.eps()
	}
	return c.x0()
}

// weights are those of an update: x' = x X + d0 D0 + d1 D1 + d2 D2 + z noise,
// where D0 is the prediction and D1, D2 its first two derivatives by lambda,
// times h and h^2.
type weights struct{ x, d0, d1, d2, z float64 }

// weights integrates from one level to another. At order 2 without heun, d1 is
// half of d0 (the midpoint form); at order 1 only x, d0 and z count.
func (s solver) weights(from, to Level, order int) weights {
	h := to.lambda() - from.lambda()
	if s.noise {
		grow := math.Expm1(h)
		w := weights{x: to.Alpha / from.Alpha, d0: -to.Sigma * grow, d1: -to.Sigma * (grow/h - 1),
			d2: -to.Sigma * ((grow-h)/(h*h) - .5)}
		if order == 2 && !s.heun {
			w.d1 = w.d0 / 2
		}
		if s.eta != 0 {
			w.d0, w.d1, w.d2, w.z = 2*w.d0, 2*w.d1, 2*w.d2, to.Sigma*math.Sqrt(math.Expm1(2*h))
		}
		return w
	}
	k := h * (1 + s.eta)
	decay := -math.Expm1(-k)
	w := weights{x: to.Sigma / from.Sigma * math.Exp(-s.eta*h), d0: to.Alpha * decay, d1: to.Alpha * (1 - decay/k),
		d2: to.Alpha * ((decay-k)/(k*k) + .5), z: to.Sigma * math.Sqrt(-math.Expm1(-2*s.eta*h))}
	if s.odd && s.eta != 0 {
		w.d2 = to.Alpha * ((decay-k)/(k*k) - .5)
	}
	if order == 2 && !s.heun {
		w.d1 = w.d0 / 2
	}
	if to.Sigma == 0 { // h is infinite and the prediction is the result
		w = weights{d0: to.Alpha}
	}
	if s.eta == 0 {
		w.z = 0
	}
	return w
}

// dpmMultistep extrapolates the predictions of earlier steps (Lu et al. 2022b,
// algorithm 2 and appendix). Few steps end in lower orders; a step to sigma = 0
// is of order 1.
func dpmMultistep(p *diffusion.Process, o Options, method string) (*Table, error) {
	s, err := o.solver()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d-%s-o%d", method, o.Steps, o.TimestepSpacing, o.SolverOrder)
	c, grid, err := newChain(name, &o, func() (*Grid, error) {
		return preservingGrid(p, &o, preservingRules{truncate: o.BetaSchedule == "squaredcos_cap_v2"})
	})
	if err != nil {
		return nil, err
	}
	calls := grid.calls()
	models := ring{size: max(o.SolverOrder-1, 1)}
	for i, l := range calls {
		c.call(i, l)
		order := o.multistepOrder(i, len(calls), grid.Levels[len(calls)].Sigma == 0)
		if grid.Levels[i+1].ratio() == l.ratio() { // no step: differences over its length mean nothing
			order = 1
		}
		w := s.weights(l, grid.Levels[i+1], order)
		m := s.model(c)
		next := sum(c.x().times(w.x), m.times(w.d0), noise(w.z*o.SNoise))
		if order > 1 {
			d1, d2 := differences(grid.Levels[:i+2], order, m, models)
			next = sum(next, d1.times(w.d1))
			if order > 2 {
				next = sum(next, d2.times(w.d2))
			}
		}
		c.write(models.slot(i), m)
		c.next(next)
	}
	return c.done(), nil
}

// multistepOrder is the order of step i of n.
func (o *Options) multistepOrder(i, n int, toZero bool) int {
	few := o.LowerOrderFinal && n < 15
	switch {
	case i == n-1 && (few || o.EulerAtFinal || toZero):
		return 1
	case i == n-2 && few:
		return min(i+1, o.SolverOrder, 2)
	}
	return min(i+1, o.SolverOrder)
}

// differences returns D1 and D2 at the last but one of the levels from the
// predictions there and before.
func differences(levels []Level, order int, m Coef, models ring) (d1, d2 Coef) {
	i := len(levels) - 2
	h := levels[i+1].lambda() - levels[i].lambda()
	r0 := (levels[i].lambda() - levels[i-1].lambda()) / h
	m1 := slot(models.slot(i - 1))
	near := sum(m, m1.times(-1)).times(1 / r0)
	if order == 2 {
		return near, Coef{}
	}
	r1 := (levels[i-1].lambda() - levels[i-2].lambda()) / h
	far := sum(m1, slot(models.slot(i-2)).times(-1)).times(1 / r1)
	bend := sum(near, far.times(-1)).times(1 / (r0 + r1))
	return sum(near, bend.times(r0)), bend
}
