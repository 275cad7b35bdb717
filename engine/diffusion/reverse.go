package diffusion

import (
	"fmt"
	"math"
)

// PreviousSample is the prediction of the mean of x_{t-1} itself ("xprev" in Ho et al.'s code). diffusers has no such
// network, so ParsePrediction does not know it; ParseMeanType does.
const PreviousSample Prediction = "previous_sample"

// ParseMeanType is ParsePrediction that also knows previous_sample and the names of Ho et al.'s code: eps, xstart, xprev.
func ParseMeanType(name string) (Prediction, error) {
	switch name {
	case string(PreviousSample), "xprev":
		return PreviousSample, nil
	case "xstart":
		return Sample, nil
	}
	return ParsePrediction(name)
}

// The learned variances (Nichol & Dhariwal 2021): a network with 2C outputs gives C numbers v for them.
const (
	Learned      Variance = "learned"       // log Sigma_t = v
	LearnedRange Variance = "learned_range" // log Sigma_t = f log beta_t + (1-f) log betatilde_t, f = (v+1)/2 (equation 15)
)

// IsLearned tells whether the network gives the variance.
func (v Variance) IsLearned() bool { return v == Learned || v == LearnedRange }

// Reverse is the reverse process p(x_{t-1} | x_t) = N(mean, exp(log variance)) of a network.
type Reverse struct {
	Process  *Process
	Mean     Prediction // what the network's first C outputs estimate; PreviousSample included
	Variance Variance   // LearnedRange and Learned take v, the fixed ones ignore it
	Clip     float64    // bound of |x_0| where the mean is computed from x_0; 0 means none
}

// Distribution is p(x_{t-1} | x_t) of one number: its mean, its log variance, and the estimate of x_0 (clipped).
func (r *Reverse) Distribution(t int, x, out, v float64) (mean, logVariance, x0 float64) {
	p := r.Process
	x0 = r.predictX0(t, x, out)
	if r.Mean == PreviousSample {
		mean = out
	} else {
		mean = p.PosteriorMeanCoef1[t]*x0 + p.PosteriorMeanCoef2[t]*x
	}
	return mean, r.LogVariance(t, v), x0
}

func (r *Reverse) predictX0(t int, x, out float64) float64 {
	p, x0 := r.Process, 0.0
	switch r.Mean {
	case Sample:
		x0 = out
	case VPrediction:
		x0 = p.SqrtAlphasCumprod[t]*x - p.SqrtOneMinusAlphasCumprod[t]*out
	case PreviousSample:
		x0 = (out - p.PosteriorMeanCoef2[t]*x) / p.PosteriorMeanCoef1[t]
	default:
		x0 = p.SqrtRecipAlphasCumprod[t]*x - p.SqrtRecipm1AlphasCumprod[t]*out
	}
	if r.Clip > 0 {
		x0 = math.Min(math.Max(x0, -r.Clip), r.Clip)
	}
	return x0
}

// LogVariance is log Sigma_t. The fixed ones are those of Process.Variance.
func (r *Reverse) LogVariance(t int, v float64) float64 {
	p := r.Process
	switch r.Variance {
	case Learned:
		return v
	case LearnedRange:
		f := 0.5 * (v + 1)
		return f*math.Log(p.Betas[t]) + (1-f)*p.PosteriorLogVarianceClipped[t]
	case FixedLarge:
		return math.Log(p.FixedLargeVariance[t])
	}
	return p.PosteriorLogVarianceClipped[t]
}

// logVarianceSlope is d LogVariance / d v.
func (r *Reverse) logVarianceSlope(t int) float64 {
	switch r.Variance {
	case Learned:
		return 1
	case LearnedRange:
		return 0.5 * (math.Log(r.Process.Betas[t]) - r.Process.PosteriorLogVarianceClipped[t])
	}
	return 0
}

// BoundTerm is L_t of one number in nats (Ho et al. 2020, equation 5): for t > 0 the KL of the posterior
// q(x_{t-1} | x_t, x_0) from p(x_{t-1} | x_t), at t = 0 the negative log-likelihood of the discretised decoder (equation 13).
// The average over the numbers of a sample, divided by ln 2, is in bits/dim.
func (r *Reverse) BoundTerm(t int, x0, x, out, v float64) float64 {
	p := r.Process
	mean, logVariance, _ := r.Distribution(t, x, out, v)
	if t == 0 {
		return -DecoderLogLikelihood(x0, mean, logVariance)
	}
	posterior := p.PosteriorMeanCoef1[t]*x0 + p.PosteriorMeanCoef2[t]*x
	return logGaussianKL(posterior, p.PosteriorLogVarianceClipped[t], mean, logVariance)
}

// BoundGradient is the derivative of BoundTerm with respect to v, the mean held constant: what the hybrid objective adds to
// the gradient of a network that learns its variance (Nichol & Dhariwal 2021, equation 16).
func (r *Reverse) BoundGradient(t int, x0, x, out, v float64) float64 {
	p := r.Process
	mean, logVariance, _ := r.Distribution(t, x, out, v)
	slope := r.logVarianceSlope(t)
	if t == 0 {
		return -DecoderGradient(x0, mean, logVariance) * slope
	}
	d := p.PosteriorMeanCoef1[t]*x0 + p.PosteriorMeanCoef2[t]*x - mean
	return 0.5 * (1 - math.Exp(p.PosteriorLogVarianceClipped[t]-logVariance) - d*d*math.Exp(-logVariance)) * slope
}

// Target is what the network's first C outputs are trained towards: eps, x_0, v or the posterior mean.
func (r *Reverse) Target(t int, x0, x, eps float64) float64 {
	p := r.Process
	switch r.Mean {
	case Sample:
		return x0
	case VPrediction:
		return p.SqrtAlphasCumprod[t]*eps - p.SqrtOneMinusAlphasCumprod[t]*x0
	case PreviousSample:
		return p.PosteriorMeanCoef1[t]*x0 + p.PosteriorMeanCoef2[t]*x
	}
	return eps
}

// EpsilonOf is the noise that an estimate of x_0 implies: (x_t/sqrt(abar) - x_0) / sqrt(1/abar - 1).
func (p *Process) EpsilonOf(t int, x, x0 float64) float64 {
	return (p.SqrtRecipAlphasCumprod[t]*x - x0) / p.SqrtRecipm1AlphasCumprod[t]
}

// Noised is x_t of the forward process (Ho et al. 2020, equation 4).
func (p *Process) Noised(t int, x0, eps float64) float64 {
	return p.SqrtAlphasCumprod[t]*x0 + p.SqrtOneMinusAlphasCumprod[t]*eps
}

// NewReverse checks the fields of a reverse process.
func NewReverse(p *Process, mean Prediction, variance Variance, clip float64) (*Reverse, error) {
	mean, err := ParseMeanType(string(mean))
	if err != nil {
		return nil, err
	}
	if !variance.IsLearned() {
		if variance, err = ParseVariance(string(variance)); err != nil {
			return nil, err
		}
	}
	if !(clip >= 0) || math.IsInf(clip, 0) {
		return nil, fmt.Errorf("diffusion: bound of x_0: got %v, expected a positive number, or 0 for none", clip)
	}
	return &Reverse{Process: p, Mean: mean, Variance: variance, Clip: clip}, nil
}
