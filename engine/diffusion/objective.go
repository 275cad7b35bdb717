package diffusion

import (
	"fmt"
	"math"
)

// Prediction says what the network's output estimates.
type Prediction string

// The predictions. With x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps:
const (
	Epsilon     Prediction = "epsilon"      // eps
	Sample      Prediction = "sample"       // x_0
	VPrediction Prediction = "v_prediction" // v = sqrt(abar) eps - sqrt(1 - abar) x_0 (Salimans & Ho 2022)
)

// ParsePrediction knows the names of diffusers ("prediction_type") and the short
// forms eps, x0 and v.
func ParsePrediction(name string) (Prediction, error) {
	switch name {
	case "epsilon", "eps":
		return Epsilon, nil
	case "sample", "x0":
		return Sample, nil
	case "v_prediction", "v":
		return VPrediction, nil
	}
	return "", fmt.Errorf("diffusion: unknown prediction type %q; known are epsilon, sample, v_prediction", name)
}

// Variance says which fixed variance the reverse process has.
type Variance string

// The variances (Ho et al. 2020, section 3.2). At t = 0 both are the posterior
// variance of t = 1, and no noise is added.
const (
	FixedSmall Variance = "fixed_small" // the posterior variance
	FixedLarge Variance = "fixed_large" // beta
)

// ParseVariance knows the names of diffusers ("variance_type"), whose _log forms
// are the same numbers, and those of Ho et al.'s code.
func ParseVariance(name string) (Variance, error) {
	switch name {
	case "fixed_small", "fixed_small_log", "fixed-small", "fixedsmall":
		return FixedSmall, nil
	case "fixed_large", "fixed_large_log", "fixed-large", "fixedlarge":
		return FixedLarge, nil
	}
	return "", fmt.Errorf("diffusion: unknown variance type %q; known are fixed_small, fixed_large", name)
}

// The kinds of objective.
const (
	Simple = "simple"  // every t weighs 1 (Ho et al. 2020, equation 14)
	Bound  = "bound"   // the variational bound (equation 12)
	MinSNR = "min-snr" // min(SNR, gamma) on x_0 (Hang et al. 2023)
)

// Objective is a weighting of the mean squared error over timesteps.
type Objective struct {
	Kind  string  `toml:"kind" json:"kind"`
	Gamma float64 `toml:"gamma" json:"gamma"` // min-snr; 0 means DefaultGamma
}

// DefaultGamma is min-SNR's gamma where none is given.
const DefaultGamma = 5

// Weights returns w_t, length T, by which the mean squared error in the network's
// own prediction space is multiplied.
//
// The errors of the three predictions are multiples of each other at a given x_t:
// |eps error|^2 = SNR |x_0 error|^2 = abar |v error|^2. Bound is, in nats per
// dimension, beta^2 / (2 Sigma alpha (1 - abar)) on the error of eps, and
// MinSNR is min(SNR, gamma) on the error of x_0; both are carried over to pred.
func (p *Process) Weights(obj Objective, pred Prediction, variance Variance) ([]float64, error) {
	pred, err := ParsePrediction(string(pred))
	if err != nil {
		return nil, err
	}
	w := make([]float64, p.Timesteps())
	switch obj.Kind {
	case Simple:
		for t := range w {
			w[t] = 1
		}
		return w, nil
	case Bound:
		variance, err := ParseVariance(string(variance))
		if err != nil {
			return nil, err
		}
		for t, sigma2 := range p.Variance(variance) {
			eps := p.Betas[t] * p.Betas[t] / (2 * sigma2 * p.Alphas[t] * (1 - p.AlphasCumprod[t]))
			w[t] = eps * p.EpsilonErrorRatio(pred, t)
		}
		return w, nil
	case MinSNR:
		gamma := obj.Gamma
		if gamma == 0 {
			gamma = DefaultGamma
		}
		if !(gamma > 0) || math.IsInf(gamma, 0) {
			return nil, fmt.Errorf("diffusion: objective min-snr: gamma is %v; want a positive number", gamma)
		}
		for t, snr := range p.SNR {
			w[t] = math.Min(snr, gamma) / snr * p.EpsilonErrorRatio(pred, t)
		}
		return w, nil
	}
	return nil, fmt.Errorf("diffusion: unknown objective %q; known are simple, bound, min-snr", obj.Kind)
}

// EpsilonErrorRatio is |eps error|^2 over the squared error of pred at the same
// x_t and t: 1 for Epsilon, SNR for Sample, abar for VPrediction.
func (p *Process) EpsilonErrorRatio(pred Prediction, t int) float64 {
	switch pred {
	case Sample:
		return p.SNR[t]
	case VPrediction:
		return p.AlphasCumprod[t]
	}
	return 1
}
