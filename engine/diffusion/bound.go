package diffusion

import "math"

// GaussianKL is KL(N(mean1, var1) || N(mean2, var2)) of one dimension in nats.
func GaussianKL(mean1, var1, mean2, var2 float64) float64 {
	d := mean1 - mean2
	return 0.5 * (math.Log(var2/var1) + (var1+d*d)/var2 - 1)
}

// PriorKL is L_T, the KL of q(x_{T-1} | x_0) from the standard normal, averaged
// over dimensions, in nats per dimension; meanSquare is the mean of x_0^2.
// Divide by ln 2 for bits.
func (p *Process) PriorKL(meanSquare float64) float64 {
	abar := p.AlphasCumprod[p.Timesteps()-1]
	return 0.5 * (abar*(meanSquare-1) - math.Log1p(-abar))
}

// BoundConstants returns, for every t, the part of the bound's term that no
// network can remove, in nats per dimension: for t > 0 the KL of the posterior
// variance from the variance chosen (zero for FixedSmall), at t = 0 the
// normaliser 1/2 ln(2 pi Sigma_0) of the density of continuous data.
func (p *Process) BoundConstants(v Variance) []float64 {
	c := p.Variance(v)
	for t, sigma2 := range c {
		if t == 0 {
			c[t] = 0.5 * math.Log(2*math.Pi*sigma2)
		} else {
			c[t] = GaussianKL(0, p.PosteriorVariance[t], 0, sigma2)
		}
	}
	return c
}
