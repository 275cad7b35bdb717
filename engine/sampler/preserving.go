package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// preservingRules are what differs between diffusers' samplers of unit variance.
type preservingRules struct {
	truncate bool // timesteps of Karras sigmas are cut to whole numbers, not rounded
	curveEnd bool // final_sigmas_type sigma_min repeats a curve's last sigma, not the schedule's smallest
}

// preservingGrid is the grid of diffusers' DPM-Solver, DEIS and UniPC: unit
// variance, whole timesteps, of which linspace and leading take one more than
// the steps and leave out the last.
func preservingGrid(p *diffusion.Process, o *Options, rules preservingRules) (*Grid, error) {
	table := newSigmaTable(p, o)
	kind, err := o.curve()
	if err != nil {
		return nil, err
	}
	ts, sigmas := []float64{}, []float64{}
	if kind == plain {
		if ts, err = o.multistepTimesteps(table); err != nil {
			return nil, err
		}
		for _, t := range ts {
			sigmas = append(sigmas, table.at(t))
		}
	} else {
		sigmas = kind.sigmas(o.sigmaRange(table.largest(), table.smallest(), o.Steps))
		for _, sigma := range sigmas {
			t := table.timestep(sigma)
			if (kind == karras || kind == luLambdas) && !rules.truncate {
				t = math.RoundToEven(t)
			}
			ts = append(ts, math.Trunc(t))
		}
	}
	final, err := o.finalSigma(table)
	if err != nil {
		return nil, err
	}
	if last := sigmas[len(sigmas)-1]; final != 0 && kind != plain && (rules.curveEnd || math.Abs(final/last-1) < 1e-12) {
		final = last // a curve that already ends there takes a step of no length
	}
	grid := &Grid{Init: 1}
	for i, sigma := range sigmas {
		l, err := preserving(o.PredictionType, sigma, ts[i])
		if err != nil {
			return nil, err
		}
		grid.Levels = append(grid.Levels, l)
	}
	end, err := preserving(o.PredictionType, final, 0)
	grid.Levels = append(grid.Levels, end)
	return grid, err
}

// sigmaRange replaces the ends of a curve by those of the options.
func (o *Options) sigmaRange(most, least float64, n int) (float64, float64, int) {
	if o.SigmaMax != nil {
		most = *o.SigmaMax
	}
	if o.SigmaMin != nil {
		least = *o.SigmaMin
	}
	return most, least, n
}

// multistepTimesteps returns the chain's timesteps below those whose lambda is
// under LambdaMinClipped.
func (o *Options) multistepTimesteps(table *sigmaTable) ([]float64, error) {
	T := len(table.sigmas)
	if o.Steps < 1 || o.Steps > T {
		return nil, fmt.Errorf("%d sampling steps; expected 1..%d, the timesteps of the schedule", o.Steps, T)
	}
	last := T
	for last > 0 && -table.logs[last-1] < o.LambdaMinClipped {
		last--
	}
	var ts []float64
	switch o.TimestepSpacing {
	case Linspace:
		ts = linspace(0, float64(last-1), o.Steps+1)[1:]
		slices.Reverse(ts)
	case Leading:
		stride := last / (o.Steps + 1)
		for i := o.Steps; i > 0; i-- {
			ts = append(ts, float64(i*stride+o.StepsOffset))
		}
	case Trailing:
		for _, t := range arange(float64(last), 0, -float64(T)/float64(o.Steps)) {
			ts = append(ts, math.RoundToEven(t)-1)
		}
	default:
		return nil, oneOf("timestep_spacing", string(o.TimestepSpacing), "linspace", "leading", "trailing")
	}
	for i := range ts {
		ts[i] = math.RoundToEven(ts[i])
		if ts[i] < 0 || ts[i] >= float64(T) || i > 0 && ts[i] >= ts[i-1] {
			return nil, fmt.Errorf("%d %s steps with offset %d do not fit %d timesteps; use fewer steps",
				o.Steps, o.TimestepSpacing, o.StepsOffset, last)
		}
	}
	return ts, nil
}
