package diffusion

import (
	"fmt"
	"math"
)

// Process holds every per-timestep table of the forward process
// q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I) and of the posterior
// q(x_{t-1} | x_t, x_0) = N(Coef1 x_0 + Coef2 x_t, PosteriorVariance I)
// (Ho et al. 2020, equations 4, 6 and 7). All slices have length T; x_{-1} is
// x_0's own place, abar_{-1} = 1. The tables are read-only.
type Process struct {
	Betas             []float64
	Alphas            []float64 // 1 - beta
	AlphasCumprod     []float64 // abar
	AlphasCumprodPrev []float64 // abar of t-1, 1 at t = 0

	SqrtAlphasCumprod         []float64 // sqrt(abar): signal level of x_t
	SqrtOneMinusAlphasCumprod []float64 // sqrt(1 - abar): noise level of x_t
	SqrtRecipAlphasCumprod    []float64 // 1/sqrt(abar): x_0 = this x_t - SqrtRecipm1 eps
	SqrtRecipm1AlphasCumprod  []float64 // sqrt(1/abar - 1)
	SNR                       []float64 // abar / (1 - abar)

	PosteriorVariance           []float64 // beta (1 - abar_prev) / (1 - abar), 0 at t = 0
	PosteriorLogVarianceClipped []float64 // its log, with the value of t = 1 at t = 0
	PosteriorMeanCoef1          []float64 // weight of x_0 in the posterior mean
	PosteriorMeanCoef2          []float64 // weight of x_t in the posterior mean
	FixedLargeVariance          []float64 // beta, with PosteriorVariance[1] at t = 0
}

// smallestNormal is the smallest float64 with all its digits.
const smallestNormal = 0x1p-1022

// NewProcess computes the tables of a schedule.
func NewProcess(s Schedule) (*Process, error) {
	betas, err := s.Betas()
	if err != nil {
		return nil, err
	}
	return ProcessFromBetas(betas)
}

// ProcessFromBetas computes the tables of given betas, each of which must lie in
// (0, 1); their product of alphas must not vanish in float64.
func ProcessFromBetas(betas []float64) (*Process, error) {
	n := len(betas)
	if n == 0 || n > MaxTimesteps {
		return nil, fmt.Errorf("diffusion: %d betas; want 1..%d", n, MaxTimesteps)
	}
	p := newProcess(n)
	copy(p.Betas, betas)
	abar := 1.0
	for t, beta := range betas {
		if !(beta > 0 && beta < 1) || 1-beta == 1 {
			return nil, fmt.Errorf("diffusion: beta at t = %d is %v; want a number between 0 and 1, both excluded", t, beta)
		}
		alpha, prev := 1-beta, abar
		abar *= alpha
		if abar < smallestNormal {
			return nil, fmt.Errorf("diffusion: the product of alphas vanishes at t = %d; use smaller betas or fewer timesteps", t)
		}
		p.Alphas[t], p.AlphasCumprod[t], p.AlphasCumprodPrev[t] = alpha, abar, prev
		p.SqrtAlphasCumprod[t] = math.Sqrt(abar)
		p.SqrtOneMinusAlphasCumprod[t] = math.Sqrt(1 - abar)
		p.SqrtRecipAlphasCumprod[t] = math.Sqrt(1 / abar)
		p.SqrtRecipm1AlphasCumprod[t] = math.Sqrt((1 - abar) / abar)
		p.SNR[t] = abar / (1 - abar)
		p.PosteriorVariance[t] = beta * (1 - prev) / (1 - abar)
		p.PosteriorMeanCoef1[t] = beta * math.Sqrt(prev) / (1 - abar)
		p.PosteriorMeanCoef2[t] = (1 - prev) * math.Sqrt(alpha) / (1 - abar)
	}
	first := betas[0] // a process of one step has no posterior variance but 0
	if n > 1 {
		first = p.PosteriorVariance[1]
	}
	p.PosteriorLogVarianceClipped[0], p.FixedLargeVariance[0] = math.Log(first), first
	for t := 1; t < n; t++ {
		p.PosteriorLogVarianceClipped[t] = math.Log(p.PosteriorVariance[t])
		p.FixedLargeVariance[t] = betas[t]
	}
	return p, nil
}

func newProcess(n int) *Process {
	p := new(Process)
	for _, f := range p.fields() {
		*f.values = make([]float64, n)
	}
	return p
}

// Timesteps is T.
func (p *Process) Timesteps() int { return len(p.Betas) }

// Variance returns Sigma_t of the reverse process p(x_{t-1} | x_t), length T.
// At t = 0, where no noise is added, it is PosteriorVariance[1], the variance
// that likelihoods use there (Ho et al.'s code).
func (p *Process) Variance(v Variance) []float64 {
	if v == FixedLarge {
		return append([]float64(nil), p.FixedLargeVariance...)
	}
	out := append([]float64(nil), p.PosteriorVariance...)
	out[0] = p.FixedLargeVariance[0]
	return out
}

// field is one table with its exported column name.
type field struct {
	name   string
	values *[]float64
}

func (p *Process) fields() []field {
	return []field{
		{"beta", &p.Betas},
		{"alpha", &p.Alphas},
		{"alpha_cumprod", &p.AlphasCumprod},
		{"alpha_cumprod_prev", &p.AlphasCumprodPrev},
		{"sqrt_alpha_cumprod", &p.SqrtAlphasCumprod},
		{"sqrt_one_minus_alpha_cumprod", &p.SqrtOneMinusAlphasCumprod},
		{"sqrt_recip_alpha_cumprod", &p.SqrtRecipAlphasCumprod},
		{"sqrt_recipm1_alpha_cumprod", &p.SqrtRecipm1AlphasCumprod},
		{"snr", &p.SNR},
		{"posterior_variance", &p.PosteriorVariance},
		{"posterior_log_variance_clipped", &p.PosteriorLogVarianceClipped},
		{"posterior_mean_coef1", &p.PosteriorMeanCoef1},
		{"posterior_mean_coef2", &p.PosteriorMeanCoef2},
		{"fixed_large_variance", &p.FixedLargeVariance},
	}
}
