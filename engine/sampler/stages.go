package sampler

import (
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	defaults := Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
		SolverType: "midpoint", Eta: 1, SNoise: 1, R: .5}
	Register(Sampler{
		Name:     "dpmpp-sde",
		Help:     "DPM-Solver++ with noise at both of its two calls a step (eta)",
		Class:    "DPMSolverSDEScheduler",
		Steps:    20,
		Keys:     curveKeys,
		Defaults: defaults,
		Build:    func(p *diffusion.Process, o Options) (*Table, error) { return twoStage(p, o, "dpmpp-sde", true) },
	})
	Register(Sampler{
		Name:     "dpmpp-2s-ancestral",
		Help:     "DPM-Solver++ of order 2, two calls a step, that adds back the noise of an ancestral step (eta)",
		Steps:    20,
		Keys:     append([]string{"solver_type"}, curveKeys...),
		Defaults: defaults,
		Build: func(p *diffusion.Process, o Options) (*Table, error) {
			return twoStage(p, o, "dpmpp-2s-ancestral", false)
		},
	})
}

// twoStage is DPM-Solver++ with a second call in the middle of every step, at the
// part R of it in lambda (Lu et al. 2022b, algorithm 1; k-diffusion's
// sample_dpmpp_2s_ancestral and, with noise at the middle too, sample_dpmpp_sde).
// Noises are drawn independently, where k-diffusion's sde takes those of one
// Brownian path. Steps down to 0 are Euler's.
func twoStage(p *diffusion.Process, o Options, method string, noisyMiddle bool) (*Table, error) {
	if !(o.R > 0 && o.R <= 1) {
		return nil, fmt.Errorf("r is %v; expected above 0, at most 1", o.R)
	}
	if err := oneOf("solver_type", o.SolverType, "midpoint", "heun"); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d-%s", method, o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return explodingGrid(p, &o) })
	if err != nil {
		return nil, err
	}
	if grid.At == nil {
		return nil, errors.New("needs a network that takes any noise level")
	}
	for i, l := range grid.calls() {
		to := grid.Levels[i+1]
		c.call(i, l)
		down, up := ancestral(l.ratio(), to.ratio(), o.Eta)
		if down == 0 {
			c.next(sum(c.x0(), noise(up*o.SNoise)).times(to.Alpha))
			continue
		}
		end, middleDown, middleUp := down, 0.0, 0.0
		if noisyMiddle {
			end = to.ratio()
		}
		middle := grid.At(math.Pow(l.ratio(), 1-o.R) * math.Pow(end, o.R))
		middleDown = middle.ratio()
		if noisyMiddle {
			middleDown, middleUp = ancestral(l.ratio(), middle.ratio(), o.Eta)
		}
		c.write(0, c.y())
		c.write(1, c.x0())
		c.next(sum(mix(c.y(), c.x0(), middleDown/l.ratio()), noise(middleUp*o.SNoise)).times(middle.Alpha))
		c.call(i, middle)
		difference := sum(c.x0(), slot(1).times(-1)).times(o.slope(down / l.ratio()))
		c.next(sum(mix(slot(0), slot(1), down/l.ratio()), difference, noise(up*o.SNoise)).times(to.Alpha))
	}
	return c.done(), nil
}

// mix is the exact step for a constant x_0 by a factor of the noise.
func mix(y, x0 Coef, factor float64) Coef { return sum(y.times(factor), x0.times(1-factor)) }

// slope is the weight of the difference of a step's two predictions for a step by
// a factor of the noise.
func (o *Options) slope(factor float64) float64 {
	if o.SolverType == "heun" {
		return (1 - (1-factor)/-math.Log(factor)) / o.R
	}
	return (1 - factor) / (2 * o.R)
}
