package sampler

import (
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	defaults := dpmDefaults("dpmsolver++", 2)
	defaults.SigmaData, defaults.SigmaSchedule, defaults.Rho = .5, "karras", 7
	defaults.STMax, defaults.InterpolationType, defaults.TimestepType = math.Inf(1), "linear", "discrete"
	keys := []string{"sigma_min", "sigma_max", "sigma_data", "sigma_schedule", "rho"}
	Register(Sampler{
		Name:           "edm",
		Preconditioned: true,
		Help:           "Karras et al. 2022: Heun's method, with churn if asked; for networks with EDM's preconditioning",
		Steps:          18,
		Keys:           keys,
		Defaults:       defaults,
		Build:          edm,
	})
	Register(Sampler{
		Name:           "edm-euler",
		Preconditioned: true,
		Help:           "Euler's method for networks with EDM's preconditioning",
		Class:          "EDMEulerScheduler",
		Steps:          20,
		Keys:           append([]string{"final_sigmas_type"}, keys...),
		Defaults:       defaults,
		Build: func(p *diffusion.Process, o Options) (*Table, error) {
			return onEDMGrid(p, o, euler)
		},
	})
	Register(Sampler{
		Name:           "edm-dpmpp-2m",
		Preconditioned: true,
		Help:           "DPM-Solver++ multistep for networks with EDM's preconditioning",
		Class:          "EDMDPMSolverMultistepScheduler",
		Steps:          20,
		Keys: append([]string{"final_sigmas_type", "solver_order", "algorithm_type", "solver_type",
			"lower_order_final", "euler_at_final", "thresholding", "dynamic_thresholding_ratio",
			"sample_max_value"}, keys...),
		Defaults: defaults,
		Build: func(p *diffusion.Process, o Options) (*Table, error) {
			return onEDMGrid(p, o, func(p *diffusion.Process, o Options) (*Table, error) {
				o.Eta = 1
				return dpmMultistep(p, o, "edm-dpmpp-2m")
			})
		},
	})
}

// EDMLevel is the level x_0 + sigma eps of a network with EDM's preconditioning
// (Karras et al. 2022, table 1). Prediction v_prediction has the other sign of
// c_out, as in diffusers.
func EDMLevel(pred diffusion.Prediction, sigmaData, sigma float64) Level {
	norm := math.Hypot(sigma, sigmaData)
	l := Level{T: math.Log(sigma) / 4, Alpha: 1, Sigma: sigma, InScale: 1 / norm,
		X0X: sigmaData * sigmaData / (norm * norm), X0Out: sigma * sigmaData / norm}
	if pred == diffusion.VPrediction {
		l.X0Out = -l.X0Out
	}
	return l
}

// edmGrid is the noise levels of equation 5 of Karras et al. 2022, or evenly in
// the log.
func edmGrid(o *Options) (*Grid, error) {
	if o.PredictionType != diffusion.Epsilon && o.PredictionType != diffusion.VPrediction {
		return nil, fmt.Errorf("prediction_type is %q; expected epsilon or v_prediction", o.PredictionType)
	}
	if err := oneOf("sigma_schedule", o.SigmaSchedule, "karras", "exponential"); err != nil {
		return nil, err
	}
	if err := oneOf("final_sigmas_type", o.FinalSigmasType, "zero", "sigma_min"); err != nil {
		return nil, err
	}
	most, least, n := o.sigmaRange(80, .002, o.Steps)
	if n < 1 || !(least > 0 && least < most) || !(o.Rho > 0) || !(o.SigmaData > 0) {
		return nil, fmt.Errorf("%d steps, sigma_min %v, sigma_max %v, rho %v, sigma_data %v; expected "+
			"at least 1 step, 0 < sigma_min < sigma_max and positive numbers", n, least, most, o.Rho, o.SigmaData)
	}
	g := &Grid{Init: most, At: func(sigma float64) Level { return EDMLevel(o.PredictionType, o.SigmaData, sigma) }}
	for _, u := range linspace(0, 1, n) {
		sigma := karrasSigma(most, least, o.Rho, u)
		if o.SigmaSchedule == "exponential" {
			sigma = math.Exp(math.Log(most) + u*(math.Log(least)-math.Log(most)))
		}
		g.Levels = append(g.Levels, g.At(sigma))
	}
	end := Level{Alpha: 1}
	if o.FinalSigmasType == "sigma_min" {
		end.Sigma = g.Levels[n-1].Sigma
	}
	g.Levels = append(g.Levels, end)
	return g, nil
}

// onEDMGrid runs another method on EDM's noise levels. diffusers starts those
// chains at the deviation of x, not of its noise.
func onEDMGrid(p *diffusion.Process, o Options,
	method func(*diffusion.Process, Options) (*Table, error)) (*Table, error) {
	if o.Grid == nil {
		grid, err := edmGrid(&o)
		if err != nil {
			return nil, err
		}
		grid.Init = math.Hypot(grid.Init, 1)
		o.Grid = grid
	}
	return method(p, o)
}

// TimeCurve is the path along which edm steps: noise level sigma(t) and scale
// s(t), both with their derivatives (Karras et al. 2022, equations 2 and 3).
type TimeCurve struct {
	T            func(sigma float64) float64 // the inverse of Sigma
	Sigma, Scale func(t float64) (value, derivative float64)
}

// linearCurve is sigma = t, s = 1.
var linearCurve = &TimeCurve{
	T:     func(sigma float64) float64 { return sigma },
	Sigma: func(t float64) (float64, float64) { return t, 1 },
	Scale: func(float64) (float64, float64) { return 1, 0 },
}

// edm is the general sampler of EDM's code: Heun's family of order 2 with the
// second call at the part R of a step (1: Heun, 1/2: the midpoint), along a time
// curve, with churn (Karras et al. 2022, algorithms 1 and 2 and appendix D.2).
// SolverOrder 1 leaves out the second call.
func edm(p *diffusion.Process, o Options) (*Table, error) {
	if o.R == 0 {
		o.R = 1
	}
	if !(o.R > 0 && o.R <= 1) {
		return nil, fmt.Errorf("r is %v; expected above 0, at most 1", o.R)
	}
	if o.Time == nil {
		o.Time = linearCurve
	}
	c, grid, err := newChain(fmt.Sprintf("edm-%d", o.Steps), &o, func() (*Grid, error) { return edmGrid(&o) })
	if err != nil {
		return nil, err
	}
	if grid.At == nil {
		return nil, errors.New("needs a network that takes any noise level")
	}
	calls := grid.calls()
	for i, l := range calls {
		if l, err = c.churn(&o, grid, l); err != nil {
			return nil, err
		}
		t, end := o.Time.T(l.Sigma), o.Time.T(grid.Levels[i+1].Sigma)
		h, scale := end-t, o.Time.scale(end)
		c.call(i, l)
		start, slope := c.x().times(o.Time.scale(t)), o.Time.slope(c, t)
		if i == len(calls)-1 || o.SolverOrder == 1 {
			c.next(sum(start, slope.times(h)).times(1 / scale))
			continue
		}
		middle := t + o.R*h
		second := 1 / (2 * o.R)
		c.next(sum(start, slope.times(middle-t)).times(1 / o.Time.scale(middle)))
		c.write(0, sum(start, slope.times(h*(1-second))))
		sigma, _ := o.Time.Sigma(middle)
		c.call(i, grid.At(sigma))
		c.next(sum(slot(0), o.Time.slope(c, middle).times(h*second)).times(1 / scale))
	}
	return c.done(), nil
}

func (v *TimeCurve) scale(t float64) float64 {
	s, _ := v.Scale(t)
	return s
}

// slope is d(s x)/dt at the latest call, at time t, of x = x_0 + sigma eps.
func (v *TimeCurve) slope(c *chain, t float64) Coef {
	sigma, dSigma := v.Sigma(t)
	s, ds := v.Scale(t)
	return sum(c.x().times(s*(dSigma/sigma+ds/s)), c.x0().times(-s*dSigma/sigma))
}
