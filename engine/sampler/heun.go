package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "heun",
		Help:  "Heun's method in sigma (Karras et al. 2022): order 2, two calls a step",
		Class: "HeunDiscreteScheduler",
		Steps: 20,
		Keys:  append([]string{"clip_sample", "clip_sample_range"}, curveKeys...),
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			ClipSampleRange: 1, SNoise: 1, STMax: math.Inf(1)},
		Build: heun,
	})
}

// heun is algorithm 2 of Karras et al. 2022 with linear sigma: Euler's step, then
// the mean of the slopes at its ends; Euler alone at the last step.
func heun(p *diffusion.Process, o Options) (*Table, error) {
	name := fmt.Sprintf("heun-%d-%s", o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return explodingGrid(p, &o) })
	if err != nil {
		return nil, err
	}
	calls := grid.calls()
	for i, l := range calls {
		to := grid.Levels[i+1]
		if l, err = c.churn(&o, grid, l); err != nil {
			return nil, err
		}
		c.call(i, l)
		c.next(c.flow(to))
		if i == len(calls)-1 {
			break
		}
		half := (to.ratio() - l.ratio()) / 2
		c.write(0, sum(c.y(), c.eps().times(half)))
		c.call(i, to)
		c.next(sum(slot(0), c.eps().times(half)).times(to.Alpha))
	}
	return c.done(), nil
}
