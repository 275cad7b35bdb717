package sampler

import (
	"fmt"
	"math"
	"strings"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "ddpm",
		Help:  "ancestral sampling of Ho et al. 2020; every timestep by default",
		Class: "DDPMScheduler",
		Keys: []string{"variance_type", "clip_sample", "clip_sample_range", "thresholding",
			"dynamic_thresholding_ratio", "sample_max_value", "rescale_betas_zero_snr"},
		Defaults: Options{
			PredictionType: diffusion.Epsilon, TimestepSpacing: Leading, VarianceType: "fixed_small",
			ClipSample: true, ClipSampleRange: 1, DynamicThresholdingRatio: .995, SampleMaxValue: 1,
		},
		Build: ddpm,
	})
}

// smallestVariance is what diffusers holds the posterior variance to.
const smallestVariance = 1e-20

// ddpm is the ancestral sampler of Ho et al. 2020, algorithm 2: x_0 is estimated
// (and clipped), then x_prev drawn from the posterior. A chain shorter than T
// uses the process respaced to its timesteps, beta' = 1 - abar_t/abar_prev
// (Nichol & Dhariwal 2021, section 4); with T steps it is the process itself.
// The unnoise rule adds no noise at the last step, diffusers adds it for t > 0.
func ddpm(p *diffusion.Process, o Options) (*Table, error) {
	if o.VarianceType == "learned" || o.VarianceType == "learned_range" {
		return nil, fmt.Errorf("variance_type %s needs the variance that the network predicts, "+
			"which is not supported; use fixed_small or fixed_large", o.VarianceType)
	}
	if o.VarianceType == "fixed_large_log" && o.Rule == Diffusers {
		return nil, fmt.Errorf("variance_type fixed_large_log is not finite in diffusers; use fixed_large")
	}
	variance, err := diffusion.ParseVariance(o.VarianceType)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("ddpm-%d-%s-%s", o.Steps, o.TimestepSpacing, strings.ReplaceAll(string(variance), "_", "-"))
	return timestepChain(p, &o, name, func(s *Step, abars []float64) {
		abar, prev := abars[int(s.T)], 1.0
		if s.TPrev >= 0 {
			prev = abars[int(s.TPrev)]
		}
		alpha := abar / prev
		beta := 1 - alpha
		if s.T == s.TPrev+1 && !o.RescaleBetasZeroSNR { // neighbours: the table has more digits than the quotient
			alpha, beta = p.Alphas[int(s.T)], p.Betas[int(s.T)]
		}
		s.Next = Coef{X0: beta * math.Sqrt(prev) / (1 - abar), X: (1 - prev) * math.Sqrt(alpha) / (1 - abar)}
		posterior := beta * (1 - prev) / (1 - abar)
		switch {
		case s.T == 0 || s.TPrev < 0 && o.Rule != Diffusers:
		case variance == diffusion.FixedLarge:
			s.Next.Z = math.Sqrt(beta)
		case o.Rule == Diffusers:
			s.Next.Z = math.Sqrt(math.Max(posterior, smallestVariance))
		default:
			s.Next.Z = math.Sqrt(posterior)
		}
	})
}
