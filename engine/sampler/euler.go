package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "euler",
		Help:  "Euler's method in sigma (Karras et al. 2022, without its second call)",
		Class: "EulerDiscreteScheduler",
		Steps: 20,
		Keys: append([]string{"interpolation_type", "timestep_type", "sigma_min", "sigma_max", "final_sigmas_type",
			"rescale_betas_zero_snr"}, curveKeys...),
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			InterpolationType: "linear", TimestepType: "discrete", SNoise: 1, STMax: math.Inf(1)},
		Build: euler,
	})
	Register(Sampler{
		Name:  "euler-ancestral",
		Help:  "Euler's method that adds back the noise of an ancestral step (eta 1)",
		Class: "EulerAncestralDiscreteScheduler",
		Steps: 20,
		Keys:  []string{"rescale_betas_zero_snr"},
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			Eta: 1, SNoise: 1},
		Build: eulerAncestral,
	})
}

// euler steps along dy/dsigma = (y - x_0)/sigma, y = x/Alpha (Karras et al. 2022,
// algorithm 1 with linear sigma), with churn where the options ask for it.
func euler(p *diffusion.Process, o Options) (*Table, error) {
	name := fmt.Sprintf("euler-%d-%s", o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return eulerGrid(p, &o) })
	if err != nil {
		return nil, err
	}
	for i, l := range grid.calls() {
		if l, err = c.churn(&o, grid, l); err != nil {
			return nil, err
		}
		c.call(i, l)
		c.next(c.flow(grid.Levels[i+1]))
	}
	return c.done(), nil
}

// eulerGrid also knows the keys that only EulerDiscreteScheduler has. Its
// log_linear interpolation ends at the smallest sigma of the schedule.
func eulerGrid(p *diffusion.Process, o *Options) (*Grid, error) {
	if err := oneOf("interpolation_type", o.InterpolationType, "linear", "log_linear"); err != nil {
		return nil, err
	}
	if err := oneOf("timestep_type", o.TimestepType, "discrete", "continuous"); err != nil {
		return nil, err
	}
	grid, err := explodingGrid(p, o)
	if err != nil {
		return nil, err
	}
	if kind, _ := o.curve(); kind == plain && o.InterpolationType == "log_linear" {
		table := newSigmaTable(p, o)
		for i, sigma := range exponential.sigmas(table.largest(), table.smallest(), len(grid.Levels)) {
			if grid.Levels[i], err = exploding(o.PredictionType, sigma, grid.Levels[i].T); err != nil {
				return nil, err
			}
		}
		grid.Init = o.startOf(table.largest())
	}
	if o.TimestepType == "continuous" && o.PredictionType == diffusion.VPrediction {
		for i := range grid.calls() {
			grid.Levels[i].T = math.Log(grid.Levels[i].Sigma) / 4
		}
		grid.At = nil
	}
	return grid, nil
}

// flow is Euler's step from the latest call to another level.
func (c *chain) flow(to Level) Coef {
	return sum(c.y(), c.eps().times(to.ratio()-c.level.ratio())).times(to.Alpha)
}

// churn raises the noise of x before a call at level l (Karras et al. 2022,
// algorithm 2) and returns the raised level.
func (c *chain) churn(o *Options, grid *Grid, l Level) (Level, error) {
	n := float64(len(grid.calls()))
	sigma := l.ratio()
	gamma := math.Min(o.SChurn/n, math.Sqrt2-1)
	if gamma <= 0 || sigma < o.STMin || sigma > o.STMax {
		return l, nil
	}
	if grid.At == nil {
		return l, fmt.Errorf("churn needs a network that takes any noise level")
	}
	hat := grid.At(sigma * (1 + gamma))
	added := hat.Alpha * o.SNoise * math.Sqrt(hat.ratio()*hat.ratio()-sigma*sigma)
	if len(c.table.Steps) == 0 {
		c.table.Init, c.table.InitZ = c.table.Init*hat.Alpha/l.Alpha, added
		return hat, nil
	}
	c.next(sum(c.step().Next.times(hat.Alpha/l.Alpha), noise(added)))
	return hat, nil
}

// ancestral splits a step from one ratio to another into a deterministic part
// down to down and noise of deviation up, down^2 + up^2 = to^2.
func ancestral(from, to, eta float64) (down, up float64) {
	up = math.Min(to, eta*math.Sqrt(to*to*(from*from-to*to)/(from*from)))
	return math.Sqrt(to*to - up*up), up
}

// eulerAncestral is the ancestral sampler in sigma (k-diffusion's
// sample_euler_ancestral).
func eulerAncestral(p *diffusion.Process, o Options) (*Table, error) {
	name := fmt.Sprintf("euler-ancestral-%d-%s", o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return explodingGrid(p, &o) })
	if err != nil {
		return nil, err
	}
	for i, l := range grid.calls() {
		to := grid.Levels[i+1]
		c.call(i, l)
		down, up := ancestral(l.ratio(), to.ratio(), o.Eta)
		c.next(sum(c.y(), c.eps().times(down-l.ratio()), noise(up*o.SNoise)).times(to.Alpha))
	}
	return c.done(), nil
}
