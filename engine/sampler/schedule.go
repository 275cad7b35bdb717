package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

// alphasCumprod returns abar of the schedule, rescaled so that the last one is 0
// where the options ask for it (Lin et al. 2024, algorithm 1).
func alphasCumprod(p *diffusion.Process, o *Options) []float64 {
	if !o.RescaleBetasZeroSNR {
		return p.AlphasCumprod
	}
	n := p.Timesteps()
	first, last := p.SqrtAlphasCumprod[0], p.SqrtAlphasCumprod[n-1]
	abar := make([]float64, n)
	for t, s := range p.SqrtAlphasCumprod {
		s = (s - last) * first / (first - last)
		abar[t] = s * s
	}
	return abar
}

// predictX0 returns x_0 = fromX x + fromOut out for x = alpha x_0 + sigma eps of
// unit variance, alpha^2 + sigma^2 = 1.
func predictX0(pred diffusion.Prediction, abar float64) (fromX, fromOut float64, err error) {
	switch pred {
	case diffusion.Sample:
		return 0, 1, nil
	case diffusion.VPrediction:
		return math.Sqrt(abar), -math.Sqrt(1 - abar), nil
	case diffusion.Epsilon:
		if abar == 0 {
			return 0, 0, fmt.Errorf("prediction_type epsilon says nothing at abar = 0, " +
				"where rescale_betas_zero_snr starts; use v_prediction or sample, or leading spacing")
		}
		return 1 / math.Sqrt(abar), -math.Sqrt((1 - abar) / abar), nil
	}
	return 0, 0, fmt.Errorf("prediction_type is %q; expected epsilon, sample or v_prediction", pred)
}

// predictEps returns eps = fromX x + fromOut out in the same terms.
func predictEps(pred diffusion.Prediction, abar float64) (fromX, fromOut float64) {
	switch pred {
	case diffusion.Sample:
		return 1 / math.Sqrt(1-abar), -math.Sqrt(abar / (1 - abar))
	case diffusion.VPrediction:
		return math.Sqrt(1 - abar), math.Sqrt(abar)
	}
	return 0, 1
}

// timestepChain builds the table that DDPM and DDIM share: one call at each of
// the timesteps, fill completes a step from its abar.
func timestepChain(p *diffusion.Process, o *Options, name string,
	fill func(s *Step, abar []float64)) (*Table, error) {
	if o.Grid != nil {
		return nil, fmt.Errorf("takes the timesteps of a schedule; a grid of noise levels needs another sampler")
	}
	ts, err := o.timesteps(p.Timesteps())
	if err != nil {
		return nil, err
	}
	table := &Table{Name: name, Init: 1, Steps: make([]Step, len(ts))}
	if err := o.bounds(table); err != nil {
		return nil, err
	}
	abar := alphasCumprod(p, o)
	for i, t := range ts {
		s := &table.Steps[i]
		*s = Step{Sample: i, T: float64(t), TPrev: -1, InScale: 1,
			Alpha: math.Sqrt(abar[t]), Sigma: math.Sqrt(1 - abar[t])}
		if i+1 < len(ts) {
			s.TPrev = float64(ts[i+1])
		}
		if s.X0X, s.X0Out, err = predictX0(o.PredictionType, abar[t]); err != nil {
			return nil, err
		}
		fill(s, abar)
	}
	return table, nil
}
