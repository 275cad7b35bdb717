package sampler

import (
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/internal/golden"
)

type edmCase struct {
	SigmaData float64 `json:"sigma_data"`
	Sampler   struct {
		Steps    int
		Rho      float64
		SigmaMin float64 `json:"sigma_min"`
		SigmaMax float64 `json:"sigma_max"`
		Grid     []float64
		Churn    struct {
			SChurn float64 `json:"S_churn"`
			SMin   float64 `json:"S_min"`
			SMax   float64 `json:"S_max"`
			SNoise float64 `json:"S_noise"`
		}
		Alpha string `json:"sample_alpha"`
	}
}

// The constants of EDM's VPPrecond, iDDPMPrecond and ablation_sampler.
const (
	vpBetaD, vpBetaMin, vpEpsilon, vpSteps = 19.9, 0.1, 1e-3, 1000
	iddpmSteps, iddpmC1, iddpmC2           = 1000, 0.001, 0.008
)

// vpSigma is sigma(t) of the variance-preserving schedule of Song et al. 2021.
func vpSigma(betaD, betaMin, t float64) float64 {
	return math.Sqrt(math.Expm1(betaD*t*t/2 + betaMin*t))
}

func vpTime(betaD, betaMin, sigma float64) float64 {
	return (math.Sqrt(betaMin*betaMin+2*betaD*math.Log1p(sigma*sigma)) - betaMin) / betaD
}

// vpCurve is the schedule and the scaling "vp" for the ends of a grid.
func vpCurve(least, most float64) *TimeCurve {
	low, high := math.Log1p(least*least), math.Log1p(most*most)
	betaD := 2 * (low/vpEpsilon - high) / (vpEpsilon - 1)
	betaMin := high - betaD/2
	sigma := func(t float64) (float64, float64) {
		s := vpSigma(betaD, betaMin, t)
		return s, (betaMin + betaD*t) * (s + 1/s) / 2
	}
	return &TimeCurve{
		T:     func(s float64) float64 { return vpTime(betaD, betaMin, s) },
		Sigma: sigma,
		Scale: func(t float64) (float64, float64) {
			if t == 0 {
				return 1, 0
			}
			s, ds := sigma(t)
			scale := 1 / math.Sqrt(1+s*s)
			return scale, -s * ds * scale * scale * scale
		},
	}
}

// veCurve is the schedule "ve": sigma = sqrt(t).
var veCurve = &TimeCurve{
	T:     func(s float64) float64 { return s * s },
	Sigma: func(t float64) (float64, float64) { return math.Sqrt(t), 1 / (2 * math.Sqrt(t)) },
	Scale: linearCurve.Scale,
}

// iddpmSigmas is iDDPM's table u_0 > ... > u_M = 0.
func iddpmSigmas() []float64 {
	abar := func(j float64) float64 {
		s := math.Sin(math.Pi / 2 * j / iddpmSteps / (iddpmC2 + 1))
		return s * s
	}
	u := make([]float64, iddpmSteps+1)
	for j := iddpmSteps; j > 0; j-- {
		ratio := math.Max(abar(float64(j-1))/abar(float64(j)), iddpmC1)
		u[j-1] = math.Sqrt((u[j]*u[j]+1)/ratio - 1)
	}
	return u
}

// edmSample is one sample of a case: how the network is preconditioned, the levels, the path.
type edmSample struct {
	at     func(sigma float64) Level
	sigmas []float64
	adjust func(o *Options)
}

func (c *edmCase) samples(t *testing.T) map[string]edmSample {
	t.Helper()
	n := c.Sampler.Steps
	edmAt := func(sigma float64) Level { return EDMLevel(diffusion.Epsilon, c.SigmaData, sigma) }
	gauss := func(sigma float64) Level { return Level{T: sigma, Alpha: 1, Sigma: sigma, InScale: 1, X0Out: 1} }
	eps := func(sigma, scale, time float64) Level {
		return Level{T: time, Alpha: 1, Sigma: sigma, InScale: scale, X0X: 1, X0Out: -sigma}
	}
	unit := func(sigma float64) float64 { return 1 / math.Sqrt(sigma*sigma+1) }
	churn := func(o *Options) {
		k := c.Sampler.Churn
		o.SChurn, o.STMin, o.STMax, o.SNoise = k.SChurn, k.SMin, k.SMax, k.SNoise
	}
	vp, ve := linspace(1, vpEpsilon, n), make([]float64, n)
	for i := range n {
		vp[i] = vpSigma(vpBetaD, vpBetaMin, vp[i])
		ve[i] = math.Sqrt(100 * 100 * math.Pow(.02*.02/(100*100), float64(i)/float64(n-1)))
	}
	out := map[string]edmSample{
		"det":         {at: edmAt},
		"churn":       {at: edmAt, adjust: churn},
		"euler":       {at: edmAt, adjust: func(o *Options) { o.SolverOrder = 1 }},
		"gauss":       {at: gauss},
		"gauss_churn": {at: gauss, adjust: churn},
		"vp_vp": {
			at:     func(s float64) Level { return eps(s, unit(s), (vpSteps-1)*vpTime(vpBetaD, vpBetaMin, s)) },
			sigmas: vp,
			adjust: func(o *Options) { o.Time = vpCurve(vp[n-1], vp[0]) },
		},
		"ve_ve": {
			at: func(s float64) Level {
				return Level{T: math.Log(s / 2), Alpha: 1, Sigma: s, InScale: 1, X0X: 1, X0Out: s}
			},
			sigmas: ve,
			adjust: func(o *Options) { o.Time = veCurve },
		},
	}
	if m := regexp.MustCompile(`alpha=([\d.]+\d)`).FindStringSubmatch(c.Sampler.Alpha); m != nil {
		out["alpha"] = edmSample{at: edmAt, adjust: func(o *Options) { o.R = number(t, m[1]) }}
	}
	u := iddpmSigmas()
	round := func(sigma float64) (int, float64) {
		best := 0
		for j := range u {
			if math.Abs(u[j]-sigma) < math.Abs(u[best]-sigma) {
				best = j
			}
		}
		return best, u[best]
	}
	var kept []float64 // u within iDDPM's sigma_min 0.002 and sigma_max 81, held to the network's own range
	for _, v := range u {
		if v >= math.Max(.002, u[iddpmSteps-1]) && v <= math.Min(81, u[0]) {
			kept = append(kept, v)
		}
	}
	iddpm := make([]float64, n)
	for i := range n {
		iddpm[i] = kept[int(math.RoundToEven(float64(len(kept)-1)/float64(n-1)*float64(i)))]
	}
	out["iddpm"] = edmSample{sigmas: iddpm, at: func(s float64) Level {
		j, rounded := round(s)
		return eps(rounded, unit(rounded), float64(iddpmSteps-1-j))
	}}
	return out
}

// edmNet is the case's network F, or the exact denoiser of N(0.1, 0.5^2) for the Gaussian samples.
func edmNet(name string, width int) func(x []float64, t float64) []float64 {
	return func(x []float64, t float64) []float64 {
		out := make([]float64, len(x))
		for i, v := range x {
			before := i - 1
			if i%width == 0 {
				before = i + width - 1
			}
			out[i] = .8*math.Sin(v) + .5*math.Tanh(x[before]) + .3*math.Cos(t/3)*v
			if strings.HasPrefix(name, "gauss") {
				out[i] = (.25*v + .1*t*t) / (.25 + t*t)
			}
		}
		return out
	}
}

// checkGrid holds edm's own noise levels to the case's.
func (c *edmCase) checkGrid(t *testing.T) {
	t.Helper()
	o := defaults(t, "edm")
	o.Steps, o.Rho, o.SigmaData = c.Sampler.Steps, c.Sampler.Rho, c.SigmaData
	o.SigmaMin, o.SigmaMax = &c.Sampler.SigmaMin, &c.Sampler.SigmaMax
	grid, err := edmGrid(&o)
	if err != nil {
		t.Fatal(err)
	}
	var sigmas []float64
	for _, l := range grid.Levels {
		sigmas = append(sigmas, l.Sigma)
	}
	if d := golden.Worst(sigmas, c.Sampler.Grid); !(d <= 1e-12) {
		t.Errorf("noise levels differ by %g", d)
	}
}

// TestGoldenEDM holds the samples to EDM's own samplers.
func TestGoldenEDM(t *testing.T) {
	golden.Cases(t, "edm", func(t *testing.T, dir string) {
		var c edmCase
		golden.ReadJSON(t, &c, dir, "case.json")
		latents := golden.ReadArray(t, dir, "latents.npy")
		z := golden.Lookup(t, dir, "z.npy")
		samples := c.samples(t)
		files, err := filepath.Glob(filepath.Join(dir, "sample_*.npy"))
		if err != nil {
			t.Fatal(err)
		}
		if c.Sampler.Grid != nil {
			c.checkGrid(t)
		}
		worst := 0.0
		for _, file := range files {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "sample_"), ".npy")
			s, ok := samples[name]
			if !ok {
				t.Errorf("unknown sample %q", name)
				continue
			}
			o := defaults(t, "edm")
			if s.sigmas == nil {
				s.sigmas = c.Sampler.Grid[:len(c.Sampler.Grid)-1]
			}
			o.Grid = &Grid{Init: s.sigmas[0], At: s.at}
			for _, sigma := range s.sigmas {
				o.Grid.Levels = append(o.Grid.Levels, s.at(sigma))
			}
			o.Grid.Init = o.Grid.Levels[0].Sigma
			o.Grid.Levels = append(o.Grid.Levels, Level{Alpha: 1})
			if s.adjust != nil {
				s.adjust(&o)
			}
			table := build(t, "edm", o)
			got, err := table.Run64(edmNet(name, latents.Shape[len(latents.Shape)-1]), latents.Data, latents.Shape[0],
				func(step int, dst []float64) { copy(dst, z.Data[table.Steps[step+1].Sample*len(dst):]) })
			if err != nil {
				t.Fatal(err)
			}
			d := golden.Worst(got, golden.ReadArray(t, file).Data)
			worst = math.Max(worst, d)
			if !(d <= 1e-9) {
				t.Errorf("%s differs by %g", name, d)
			}
		}
		t.Logf("worst difference %.2g", worst)
	})
}
