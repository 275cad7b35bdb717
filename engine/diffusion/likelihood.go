package diffusion

import "math"

// BinHalfWidth is half the distance of two grey values of 8 bits in model units, where images span -1..1.
const BinHalfWidth = 1.0 / 255

// minProbability bounds probabilities from below before their logarithm is taken (Ho et al.'s and OpenAI's code).
const minProbability = 1e-12

// approxNormalCDF is the tanh approximation of the standard normal's distribution function that both published codes use:
// Phi(x) = (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
func approxNormalCDF(x float64) float64 {
	return 0.5 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// approxNormalPDF is the derivative of approxNormalCDF.
func approxNormalPDF(x float64) float64 {
	c := math.Sqrt(2 / math.Pi)
	th := math.Tanh(c * (x + 0.044715*x*x*x))
	return 0.5 * (1 - th*th) * c * (1 + 3*0.044715*x*x)
}

// DecoderLogLikelihood is log p(x_0 | x_1) in nats of one number of an image of 8 bits (Ho et al. 2020, equation 13): the
// probability that N(mean, exp(logVariance)) gives to the bin of width 2/255 around x; the bins at -1 and 1 have open tails.
func DecoderLogLikelihood(x, mean, logVariance float64) float64 {
	value, _ := decoder(x, mean, logVariance)
	return value
}

// DecoderGradient is the derivative of DecoderLogLikelihood with respect to logVariance.
func DecoderGradient(x, mean, logVariance float64) float64 {
	_, gradient := decoder(x, mean, logVariance)
	return gradient
}

func decoder(x, mean, logVariance float64) (value, gradient float64) {
	inv := math.Exp(-0.5 * logVariance)
	above, below := inv*(x-mean+BinHalfWidth), inv*(x-mean-BinHalfWidth)
	// d above / d logVariance = -above/2
	var p, dp float64
	switch {
	case x < -0.999:
		p, dp = approxNormalCDF(above), -0.5*above*approxNormalPDF(above)
	case x > 0.999:
		p, dp = 1-approxNormalCDF(below), 0.5*below*approxNormalPDF(below)
	default:
		p = approxNormalCDF(above) - approxNormalCDF(below)
		dp = -0.5 * (above*approxNormalPDF(above) - below*approxNormalPDF(below))
	}
	if p < minProbability {
		return math.Log(minProbability), 0
	}
	return math.Log(p), dp / p
}

// logGaussianKL is GaussianKL of log variances.
func logGaussianKL(mean1, logVar1, mean2, logVar2 float64) float64 {
	d := mean1 - mean2
	return 0.5 * (logVar2 - logVar1 + math.Exp(logVar1-logVar2) + d*d*math.Exp(-logVar2) - 1)
}
