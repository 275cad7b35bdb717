package sampler

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// sigmaTable is sqrt((1 - abar)/abar) over the timesteps of a schedule,
// ascending, with its logs.
type sigmaTable struct{ sigmas, logs []float64 }

// smallestAbar is what diffusers puts in place of the last abar, 0, of a schedule
// rescaled to zero terminal signal, so that sigma stays finite.
const smallestAbar = 0x1p-24

func newSigmaTable(p *diffusion.Process, o *Options) *sigmaTable {
	abar := alphasCumprod(p, o)
	s := &sigmaTable{sigmas: make([]float64, len(abar)), logs: make([]float64, len(abar))}
	for t, a := range abar {
		if a == 0 {
			a = smallestAbar
		}
		s.sigmas[t] = math.Sqrt((1 - a) / a)
		s.logs[t] = math.Log(s.sigmas[t])
	}
	return s
}

func (s *sigmaTable) smallest() float64 { return s.sigmas[0] }

func (s *sigmaTable) largest() float64 { return s.sigmas[len(s.sigmas)-1] }

// at interpolates sigma linearly at a fractional timestep, held to the table.
func (s *sigmaTable) at(t float64) float64 {
	last := len(s.sigmas) - 1
	if t <= 0 {
		return s.sigmas[0]
	}
	if t >= float64(last) {
		return s.sigmas[last]
	}
	i := int(t)
	return s.sigmas[i] + (t-float64(i))*(s.sigmas[i+1]-s.sigmas[i])
}

// timestep is the fractional timestep of a sigma, linear in its log and held to
// the table.
func (s *sigmaTable) timestep(sigma float64) float64 {
	log := math.Log(math.Max(sigma, 1e-10))
	n := len(s.logs)
	if n == 1 {
		return 0
	}
	above, _ := slices.BinarySearchFunc(s.logs, log, func(v, target float64) int {
		if v <= target {
			return -1
		}
		return 1
	})
	low := min(max(above-1, 0), n-2)
	w := (s.logs[low] - log) / (s.logs[low] - s.logs[low+1])
	w = math.Max(0, math.Min(1, w))
	return (1-w)*float64(low) + w*float64(low+1)
}

// curve says how the sigmas of a chain fall.
type curve string

const (
	plain       curve = ""
	karras      curve = "karras"      // Karras et al. 2022, equation 5
	exponential curve = "exponential" // evenly in the log
	betaSigmas  curve = "beta"        // quantiles of Beta(0.6, 0.6) (Lee et al. 2024)
	luLambdas   curve = "lu"          // Lu et al. 2022: lambda to the power 1
)

// curveKeys are the keys of the curves that most of diffusers' classes have.
var curveKeys = []string{"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"}

// curve reads the use_ keys; more than one is refused.
func (o *Options) curve() (curve, error) {
	c := plain
	for _, k := range []struct {
		on   bool
		kind curve
	}{
		{o.UseKarrasSigmas, karras},
		{o.UseExponentialSigmas, exponential},
		{o.UseBetaSigmas, betaSigmas},
		{o.UseLuLambdas, luLambdas},
	} {
		if !k.on {
			continue
		}
		if c != plain {
			return c, fmt.Errorf("both %s and %s sigmas; choose one", c, k.kind)
		}
		c = k.kind
	}
	return c, nil
}

// sigmas returns n sigmas from most to least along the curve.
func (c curve) sigmas(most, least float64, n int) []float64 {
	const rho, shape = 7, 0.6
	v := linspace(0, 1, n)
	for i, u := range v {
		switch c {
		case karras:
			v[i] = karrasSigma(most, least, rho, u)
		case betaSigmas:
			v[i] = least + mathext.InvRegIncBeta(shape, shape, 1-u)*(most-least)
		default:
			v[i] = math.Exp(math.Log(most) + u*(math.Log(least)-math.Log(most)))
		}
	}
	return v
}

// karrasSigma is at u = 0..1 from most to least.
func karrasSigma(most, least, rho, u float64) float64 {
	top, bottom := math.Pow(most, 1/rho), math.Pow(least, 1/rho)
	return math.Pow(top+u*(bottom-top), rho)
}

// finalSigma is where the chain ends by final_sigmas_type.
func (o *Options) finalSigma(s *sigmaTable) (float64, error) {
	if err := oneOf("final_sigmas_type", o.FinalSigmasType, "zero", "sigma_min"); err != nil {
		return 0, err
	}
	if o.FinalSigmasType == "zero" {
		return 0, nil
	}
	return s.smallest(), nil
}

// explodingGrid is the grid of the samplers that diffusers took from k-diffusion:
// x = x_0 + sigma eps, fractional timesteps.
func explodingGrid(p *diffusion.Process, o *Options) (*Grid, error) {
	table := newSigmaTable(p, o)
	ts, err := o.fractionalTimesteps(p.Timesteps())
	if err != nil {
		return nil, err
	}
	sigmas := make([]float64, len(ts))
	for i, t := range ts {
		sigmas[i] = table.at(t)
	}
	kind, err := o.curve()
	if err != nil {
		return nil, err
	}
	if kind != plain {
		sigmas = kind.sigmas(o.sigmaRange(sigmas[0], sigmas[len(sigmas)-1], o.Steps))
		ts = make([]float64, len(sigmas))
		for i, s := range sigmas {
			ts[i] = table.timestep(s)
		}
	}
	final, err := o.finalSigma(table)
	if err != nil {
		return nil, err
	}
	grid := &Grid{Init: o.startOf(slices.Max(sigmas)), At: func(sigma float64) Level {
		// The first level has checked the prediction type.
		l, _ := exploding(o.PredictionType, sigma, table.timestep(sigma))
		return l
	}}
	for i, sigma := range sigmas {
		l, err := exploding(o.PredictionType, sigma, ts[i])
		if err != nil {
			return nil, err
		}
		grid.Levels = append(grid.Levels, l)
	}
	grid.Levels = append(grid.Levels, Level{Alpha: 1, Sigma: final})
	return grid, nil
}

// startOf is the deviation of the first x: that of its noise, or of x itself with
// leading spacing, as in diffusers.
func (o *Options) startOf(sigma float64) float64 {
	if o.TimestepSpacing == Leading {
		return math.Hypot(sigma, 1)
	}
	return sigma
}

// fractionalTimesteps are those of explodingGrid before a curve moves them:
// linspace is not rounded.
func (o *Options) fractionalTimesteps(T int) ([]float64, error) {
	if o.TimestepSpacing == Linspace {
		if o.Steps < 1 || o.Steps > T {
			return nil, fmt.Errorf("%d sampling steps; expected 1..%d, the timesteps of the schedule", o.Steps, T)
		}
		ts := linspace(0, float64(T-1), o.Steps)
		if o.Steps == 1 && o.Rule != Diffusers {
			ts[0] = float64(T - 1)
		}
		slices.Reverse(ts)
		return ts, nil
	}
	whole, err := o.timesteps(T)
	if err != nil {
		return nil, err
	}
	ts := make([]float64, len(whole))
	for i, t := range whole {
		ts[i] = float64(t)
	}
	return ts, nil
}
