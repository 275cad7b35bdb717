package diffusion

import (
	"math"
	"strings"
	"testing"
)

func weights(t *testing.T, p *Process, o Objective, pred Prediction, v Variance) []float64 {
	t.Helper()
	w, err := p.Weights(o, pred, v)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestBoundWeights(t *testing.T) {
	p := ho(t)
	large := weights(t, p, Objective{Kind: Bound}, Epsilon, FixedLarge)
	small := weights(t, p, Objective{Kind: Bound}, Epsilon, FixedSmall)
	for i, want := range map[int][2]float64{1: {.2726920843, .5996715122}, 2: {.1944019765, .3179953517}, 9: {.0737170159, .0864365598},
		99: {.0100812638, .0102669534}, 499: {.0055034319, .0055081965}, 999: {.0102044935, .0102045019}} {
		near(t, "fixed large weight", large[i], want[0], 1e-8)
		near(t, "fixed small weight", small[i], want[1], 1e-8)
	}
	near(t, "sum, fixed large", sum(large[1:]), 9.360996982761598, 1e-11)
	near(t, "sum, fixed small", sum(small[1:]), 10.170492873788987, 1e-11)
	near(t, "mismatch of fixed large", sum(p.BoundConstants(FixedLarge)[1:]), .3371601178752087, 1e-11)
	for i, c := range p.BoundConstants(FixedSmall)[1:] {
		if math.Abs(c) > 1e-15 {
			t.Errorf("fixed small constant at t = %d: %g", i+1, c)
		}
	}
}

// TestGaussianBound: for x_0 ~ N(0, 1) the optimal eps has error abar_t.
func TestGaussianBound(t *testing.T) {
	p := ho(t)
	for v, want := range map[Variance]float64{FixedSmall: 5.070042325, FixedLarge: 4.605150006} {
		w := weights(t, p, Objective{Kind: Bound}, Epsilon, v)
		c := p.BoundConstants(v)
		kl := 0.0
		for i := 1; i < 1000; i++ {
			kl += w[i]*p.AlphasCumprod[i] + c[i]
		}
		near(t, "sum of KL terms, "+string(v), kl, want, 2e-10)
		near(t, "L_0, "+string(v), w[0]*p.AlphasCumprod[0]+c[0], -3.072529126, 2e-10)
	}
	near(t, "floor of the simple loss", sum(p.AlphasCumprod)/1000, .27551323339680617, 1e-14)
}

func TestPriorKL(t *testing.T) {
	p := ho(t)
	for ms, want := range map[float64]float64{0: 5.87e-10, .25: 7.2787e-6, 1. / 3: 9.7047e-6, 1: 2.9113e-5, .33594771: 9.78082e-6, .25598581: 7.45294e-6} {
		near(t, "prior KL", p.PriorKL(ms)/math.Ln2, want, 1e-3)
	}
	near(t, "CIFAR-10 prior KL", p.PriorKL(.25598581)/math.Ln2, 7.45294e-6, 1e-6)
	// The same as the KL of the two Gaussians.
	abar := p.AlphasCumprod[999]
	near(t, "prior KL at x = 3", p.PriorKL(9), GaussianKL(math.Sqrt(abar)*3, 1-abar, 0, 1), 1e-9)
}

func TestGaussianKL(t *testing.T) {
	if k := GaussianKL(2, 3, 2, 3); k != 0 {
		t.Errorf("KL of equal Gaussians: %g", k)
	}
	near(t, "KL", GaussianKL(0, 1, 1, 4), 0.5*(math.Log(4)+0.5-1), 1e-15)
}

// TestWeightsAcrossPredictions: an error of x_0 weighs the same whatever the
// network predicts.
func TestWeightsAcrossPredictions(t *testing.T) {
	p := mustProcess(t, Schedule{Kind: Cosine, Timesteps: 100})
	for _, o := range []Objective{{Kind: Bound}, {Kind: MinSNR}, {Kind: MinSNR, Gamma: 1.5}} {
		we := weights(t, p, o, Epsilon, FixedLarge)
		wx := weights(t, p, o, Sample, FixedLarge)
		wv := weights(t, p, o, VPrediction, FixedLarge)
		for i, abar := range p.AlphasCumprod {
			// Move x_0 by d at fixed x_t, and see what eps and v do.
			d := 0.3
			de := -math.Sqrt(abar/(1-abar)) * d
			dv := math.Sqrt(abar)*de - math.Sqrt(1-abar)*d
			near(t, o.Kind+" eps against x_0", we[i]*de*de, wx[i]*d*d, 1e-12)
			near(t, o.Kind+" v against x_0", wv[i]*dv*dv, wx[i]*d*d, 1e-12)
		}
	}
	snr := p.SNR
	for i, w := range weights(t, p, Objective{Kind: MinSNR}, Sample, "") {
		near(t, "min-SNR x_0", w, math.Min(snr[i], 5), 1e-13)
	}
	for i, w := range weights(t, p, Objective{Kind: MinSNR}, Epsilon, "") {
		near(t, "min-SNR eps", w, math.Min(snr[i], 5)/snr[i], 1e-13)
	}
	for i, w := range weights(t, p, Objective{Kind: MinSNR}, VPrediction, "") {
		near(t, "min-SNR v", w, math.Min(snr[i], 5)/(snr[i]+1), 1e-12)
	}
	for _, w := range weights(t, p, Objective{Kind: Simple}, VPrediction, "") {
		near(t, "simple", w, 1, 0)
	}
}

func TestObjectiveErrors(t *testing.T) {
	p := ho(t)
	for _, c := range []struct {
		o    Objective
		pred Prediction
		v    Variance
		want string
	}{
		{Objective{Kind: "l2"}, Epsilon, FixedSmall, `unknown objective "l2"`},
		{Objective{Kind: Simple}, "score", FixedSmall, `unknown prediction type "score"`},
		{Objective{Kind: Bound}, Epsilon, "learned", `unknown variance type "learned"`},
		{Objective{Kind: MinSNR, Gamma: -1}, Epsilon, FixedSmall, "gamma is -1"},
	} {
		if _, err := p.Weights(c.o, c.pred, c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want %q", c, err, c.want)
		}
	}
	if v, err := ParseVariance("fixed_small_log"); v != FixedSmall || err != nil {
		t.Errorf("fixed_small_log: %v, %v", v, err)
	}
}

// TestNullModel is the sanity check of Sohl-Dickstein et al.'s code: on data
// N(0, I), a reverse process with mean sqrt(1-beta) x_t and variance beta is exact,
// so their objective K (equation 14) equals L_null, the negative entropy of the
// data, -1/2 ln(2 pi e) per dimension.
func TestNullModel(t *testing.T) {
	entropy := func(variance float64) float64 { return 0.5 * math.Log(2*math.Pi*math.E*variance) }
	for _, kind := range Kinds() {
		p := mustProcess(t, Schedule{Kind: kind, Timesteps: 40})
		abar := p.AlphasCumprod
		k := entropy(1-abar[39]) - entropy(p.Betas[0]) - entropy(1)
		for i := 1; i < 40; i++ {
			// Both means are linear in x_0 and eps, which are N(0, 1): so is their difference.
			c := p.PosteriorMeanCoef2[i] - math.Sqrt(p.Alphas[i])
			fromX0 := p.PosteriorMeanCoef1[i] + c*math.Sqrt(abar[i])
			fromEps := c * math.Sqrt(1-abar[i])
			k -= GaussianKL(0, p.PosteriorVariance[i], math.Hypot(fromX0, fromEps), p.Betas[i])
		}
		near(t, kind+" K", k, -entropy(1), 1e-11)
	}
}
