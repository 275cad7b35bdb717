package metrics

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/kernels/rng"
)

var streamMinimum = rng.StreamID("metrics/minimum")

// Minimum is the least mean squared error that any network can reach on a finite
// data set, per element, in the space of the network's prediction.
type Minimum struct {
	PerT   []float64 // expected error at each timestep
	StdErr []float64 // standard error of each
	Mean   float64   // mean over timesteps: the floor of the simple loss
	// MeanStdErr is the standard error of Mean.
	MeanStdErr float64
}

// MinimumLoss estimates the minimum for every timestep of p by Monte Carlo with
// draws noised points each. For every draw the error is not sampled but taken as
// its exact expectation given x_t, the posterior variance, so the estimate is
// unbiased and needs far fewer draws than a sampled loss. The result is a function
// of the arguments alone, on any number of cores.
func (d *Denoiser) MinimumLoss(p *diffusion.Process, pred diffusion.Prediction, draws int, seed uint64) (*Minimum, error) {
	pred, err := diffusion.ParsePrediction(string(pred))
	if err != nil {
		return nil, err
	}
	if draws < 2 {
		return nil, fmt.Errorf("metrics: %d draws; want 2 or more", draws)
	}
	T := p.Timesteps()
	m := &Minimum{PerT: make([]float64, T), StdErr: make([]float64, T)}
	errors := make([]float64, draws)
	for t, abar := range p.AlphasCumprod {
		d.posteriorVariances(errors, abar, seed, uint32(t))
		// |eps error|^2 = SNR |x_0 error|^2, and pred's error is a multiple of that.
		scale := p.SNR[t] / p.EpsilonErrorRatio(pred, t) / float64(d.dim)
		mean, stdErr := meanAndError(errors)
		m.PerT[t], m.StdErr[t] = scale*mean, scale*stdErr
		m.Mean += m.PerT[t] / float64(T)
		m.MeanStdErr += m.StdErr[t] * m.StdErr[t]
	}
	m.MeanStdErr = math.Sqrt(m.MeanStdErr) / float64(T)
	return m, nil
}

// meanAndError returns the mean of v and its standard error.
func meanAndError(v []float64) (mean, stdErr float64) {
	n := float64(len(v))
	for _, x := range v {
		mean += x
	}
	mean /= n
	for _, x := range v {
		stdErr += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(stdErr / (n - 1) / n)
}

// posteriorVariances fills dst with the posterior variance at as many draws of
// x_t: a random point, noised.
func (d *Denoiser) posteriorVariances(dst []float64, abar float64, seed uint64, t uint32) {
	root, noise := math.Sqrt(abar), math.Sqrt(1-abar)
	var cells *cellSum
	if d.dim == 2 {
		cells = newCellSum(d.points, noise/root)
	}
	parallel(len(dst), 64, func(lo, hi int) {
		x, x0 := make([]float64, d.dim), make([]float64, d.dim)
		eps := make([]float32, d.dim)
		scratch := new(cellScratch)
		for i := lo; i < hi; i++ {
			w := rng.Philox4x32(rng.Counter(0, uint32(i), t, streamMinimum), rng.Key(seed))
			j := rng.UniformInt(w[0], d.Len()) * d.dim
			rng.FillNormal(eps, seed, uint32(i), t, streamMinimum+1)
			for k, e := range eps {
				x[k] = root*d.points[j+k] + noise*float64(e)
			}
			if cells != nil {
				_, _, dst[i] = cells.posterior(x[0]/root, x[1]/root, scratch)
			} else {
				dst[i] = d.X0(x0, x, abar)
			}
		}
	})
}
