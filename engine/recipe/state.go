package recipe

import (
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
)

// NewModel makes the recipe's model with initial weights.
func (r *Recipe) NewModel() (*model.Model, error) {
	cfg, err := r.NetworkConfig()
	if err != nil {
		return nil, err
	}
	sched, err := r.Scheduler()
	if err != nil {
		return nil, err
	}
	return model.New(cfg, sched, r.Train.Seed)
}

// Weighted reports whether timesteps weigh differently in the loss.
func (r *Recipe) Weighted() bool { return r.Diffusion.Objective.Kind != diffusion.Simple }

// Sampler is that of the samples drawn along the way, and the default of later sampling.
func (r *Recipe) Sampler() sample.Method {
	m := sample.Method{Name: r.Sample.Sampler, Steps: r.Sample.Steps, Spacing: sampler.Spacing(r.Sample.Spacing)}
	if r.Sample.Eta != 0 {
		m.Eta = &r.Sample.Eta
	}
	return m
}

// State returns the scalars of optimizer step k (from 0).
func (r *Recipe) State(k int) kernels.StepState {
	t := r.Train
	n := float64(k + 1)
	s := kernels.StepState{Seed: t.Seed, Step: uint32(k), LearningRate: r.Rate(k), WeightDecay: t.WeightDecay, Beta1: t.Beta1, Beta2: t.Beta2,
		Epsilon: t.Epsilon, Correction1: 1 - math.Pow(t.Beta1, n), Correction2: 1 - math.Pow(t.Beta2, n), EMADecay: t.EMADecay,
		ClipNorm: t.MaxGradNorm, LossScale: 1 / float64(t.MicroBatches)}
	if t.EMAWarmup {
		s.EMADecay = math.Min(t.EMADecay, (1+n)/(10+n))
	}
	return s
}

// Rate returns the learning rate of optimizer step k (from 0): linear warm-up, then constant or a
// cosine to 0 at lr_decay_steps.
func (r *Recipe) Rate(k int) float64 {
	t := r.Train
	rate := t.LearningRate
	if t.LRSchedule == "cosine" && k >= t.WarmupSteps {
		x := math.Min(1, float64(k-t.WarmupSteps)/float64(t.LRDecaySteps-t.WarmupSteps))
		rate *= (1 + math.Cos(math.Pi*x)) / 2
	}
	if k < t.WarmupSteps {
		rate *= float64(k+1) / float64(t.WarmupSteps)
	}
	return rate
}
