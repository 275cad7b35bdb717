package sampler

import (
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "kdpm2",
		Help:  "DPM-Solver-2 in sigma: order 2, two calls a step, the second in the middle",
		Class: "KDPM2DiscreteScheduler",
		Steps: 20,
		Keys:  curveKeys,
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			SNoise: 1, STMax: math.Inf(1)},
		Build: func(p *diffusion.Process, o Options) (*Table, error) {
			o.Eta = 0
			return kdpm2(p, o, "kdpm2")
		},
	})
	Register(Sampler{
		Name:  "kdpm2-ancestral",
		Help:  "DPM-Solver-2 in sigma that adds back the noise of an ancestral step (eta 1)",
		Class: "KDPM2AncestralDiscreteScheduler",
		Steps: 20,
		Keys:  curveKeys,
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			Eta: 1, SNoise: 1, STMax: math.Inf(1)},
		Build: func(p *diffusion.Process, o Options) (*Table, error) { return kdpm2(p, o, "kdpm2-ancestral") },
	})
}

// kdpm2 is the midpoint method whose second call is at the geometric mean of the
// step's sigmas (Lu et al. 2022, algorithm 1; k-diffusion's sample_dpm_2 and
// sample_dpm_2_ancestral). Steps down to 0 are Euler's.
func kdpm2(p *diffusion.Process, o Options, method string) (*Table, error) {
	name := fmt.Sprintf("%s-%d-%s", method, o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return kdpm2Grid(p, &o) })
	if err != nil {
		return nil, err
	}
	if grid.At == nil {
		return nil, errors.New("needs a network that takes any noise level")
	}
	for i, l := range grid.calls() {
		to := grid.Levels[i+1]
		if l, err = c.churn(&o, grid, l); err != nil {
			return nil, err
		}
		down, up := ancestral(l.ratio(), to.ratio(), o.Eta)
		c.call(i, l)
		if down == 0 {
			c.next(sum(c.y(), c.eps().times(-l.ratio()), noise(up*o.SNoise)).times(to.Alpha))
			continue
		}
		middle := grid.At(math.Sqrt(l.ratio() * down))
		c.write(0, c.y())
		c.next(c.flow(middle))
		c.call(i, middle)
		c.next(sum(slot(0), c.eps().times(down-l.ratio()), noise(up*o.SNoise)).times(to.Alpha))
	}
	return c.done(), nil
}

// kdpm2Grid rounds the timesteps of Karras sigmas, as diffusers does.
func kdpm2Grid(p *diffusion.Process, o *Options) (*Grid, error) {
	grid, err := explodingGrid(p, o)
	if err == nil && o.UseKarrasSigmas {
		for i := range grid.Levels {
			grid.Levels[i].T = math.RoundToEven(grid.Levels[i].T)
		}
	}
	return grid, err
}
