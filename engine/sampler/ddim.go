package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "ddim",
		Help:  "Song et al. 2021: deterministic, or with a share of noise (eta)",
		Class: "DDIMScheduler",
		Steps: 50,
		Keys: []string{"set_alpha_to_one", "clip_sample", "clip_sample_range", "thresholding",
			"dynamic_thresholding_ratio", "sample_max_value", "rescale_betas_zero_snr"},
		Defaults: Options{
			PredictionType: diffusion.Epsilon, TimestepSpacing: Leading, SetAlphaToOne: true,
			ClipSample: true, ClipSampleRange: 1, DynamicThresholdingRatio: .995, SampleMaxValue: 1,
		},
		Build: ddim,
	})
}

// ddim is the sampler of Song et al. 2021, equation 12, with sigma =
// Eta sqrt((1-abar_prev)/(1-abar)) sqrt(1 - abar/abar_prev): Eta 0 is
// deterministic, 1 ancestral. The noise estimate is that of the prediction
// before clipping, or belongs to the clipped x_0 with UseClippedModelOutput.
// abar_prev is that of the chain's next timestep by the unnoise rule, that of
// t - floor(T/steps) by diffusers'.
func ddim(p *diffusion.Process, o Options) (*Table, error) {
	if !(o.Eta >= 0 && o.Eta <= 1) {
		return nil, fmt.Errorf("eta is %v; expected 0..1", o.Eta)
	}
	name := fmt.Sprintf("ddim-%d-%s-eta%g", o.Steps, o.TimestepSpacing, o.Eta)
	return timestepChain(p, &o, name, func(s *Step, abars []float64) {
		previous := int(s.TPrev)
		if o.Rule == Diffusers {
			previous = int(s.T) - len(abars)/o.Steps
		}
		abar, prev := abars[int(s.T)], 1.0
		switch {
		case previous >= 0:
			prev = abars[previous]
		case !o.SetAlphaToOne:
			prev = abars[0]
		}
		if s.TPrev >= 0 || o.Rule == Diffusers {
			s.Next.Z = o.Eta * math.Sqrt((1-prev)/(1-abar)*(1-abar/prev))
		}
		direction := math.Sqrt(math.Max(0, 1-prev-s.Next.Z*s.Next.Z))
		if clips := o.ClipSample || o.Thresholding; clips && !o.UseClippedModelOutput {
			fromX, fromOut := predictEps(o.PredictionType, abar)
			s.Next.X0, s.Next.X, s.Next.Out = math.Sqrt(prev), direction*fromX, direction*fromOut
			return
		}
		s.Next.X = math.Sqrt(math.Max(0, 1-prev-s.Next.Z*s.Next.Z) / (1 - abar))
		s.Next.X0 = math.Sqrt(prev) - math.Sqrt(abar)*s.Next.X
	})
}
