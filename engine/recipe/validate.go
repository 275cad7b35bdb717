package recipe

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels/loss"
)

func asParse(err error, target *toml.ParseError) bool { return errors.As(err, target) }

// Validate reports the first value that cannot be used, naming its key.
func (r *Recipe) Validate() error {
	t, d := r.Train, r.Diffusion
	checks := []struct {
		ok   bool
		key  string
		have any
		want string
	}{
		{t.Steps >= 1, "train.steps", t.Steps, "at least 1"},
		{t.MicroBatch >= 1 && t.MicroBatch <= 1<<20, "train.micro_batch", t.MicroBatch, "1..1048576"},
		{t.MicroBatches >= 1 && t.MicroBatches <= 1<<20, "train.micro_batches", t.MicroBatches, "1..1048576"},
		{t.LearningRate > 0, "train.learning_rate", t.LearningRate, "a positive number"},
		{t.WarmupSteps >= 0, "train.warmup_steps", t.WarmupSteps, "0 or more steps"},
		{t.LRSchedule == "constant" || t.LRSchedule == "cosine", "train.lr_schedule", t.LRSchedule, "constant or cosine"},
		{t.LRSchedule != "cosine" || t.LRDecaySteps > t.WarmupSteps, "train.lr_decay_steps", t.LRDecaySteps, r.horizonWanted()},
		{t.WeightDecay >= 0, "train.weight_decay", t.WeightDecay, "0 or more"},
		{t.Beta1 >= 0 && t.Beta1 < 1, "train.beta1", t.Beta1, "0 <= beta1 < 1"},
		{t.Beta2 >= 0 && t.Beta2 < 1, "train.beta2", t.Beta2, "0 <= beta2 < 1"},
		{t.Epsilon > 0, "train.epsilon", t.Epsilon, "a positive number"},
		{t.MaxGradNorm >= 0, "train.max_grad_norm", t.MaxGradNorm, "0 (no clipping) or more"},
		{t.EMADecay >= 0 && t.EMADecay < 1, "train.ema_decay", t.EMADecay, "0 <= decay < 1"},
		{t.LabelDropout >= 0 && t.LabelDropout < 1, "train.label_dropout", t.LabelDropout, "a probability, 0 or more and less than 1"},
		{finite(r.Sample.GuidanceScale), "sample.guidance_scale", r.Sample.GuidanceScale, "a finite number"},
		{r.Log.HistogramEvery >= 0, "log.histogram_every", r.Log.HistogramEvery, "0 (a fiftieth of the run) or more steps"},
		{t.LogEvery >= 1, "train.log_every", t.LogEvery, "at least 1"},
		{t.EvalEvery >= 0, "train.eval_every", t.EvalEvery, "0 or more"},
		{t.EvalSamples >= 0, "train.eval_samples", t.EvalSamples, "0 or more"},
		{t.SampleEvery >= 0, "train.sample_every", t.SampleEvery, "0 or more"},
		{t.SampleCount >= 0, "train.sample_count", t.SampleCount, "0 or more"},
		{t.CheckpointEvery >= 0, "train.checkpoint_every", t.CheckpointEvery, "0 or more"},
		{t.KeepCheckpoints >= 1, "train.keep_checkpoints", t.KeepCheckpoints, "at least 1"},
		{r.Data.NumPoints >= 1, "data.num_points", r.Data.NumPoints, "at least 1"},
		{slices.Contains([]string{data.LayoutAuto, data.LayoutNHWC, data.LayoutNCHW}, r.Data.Layout), "data.layout", r.Data.Layout, "auto, nhwc or nchw"},
		{r.Data.Workers >= 0 && r.Data.Workers <= 1024, "data.workers", r.Data.Workers, "0 (one a processor)..1024"},
		{r.Data.Prefetch >= 0 && r.Data.Prefetch <= 1024, "data.prefetch", r.Data.Prefetch, "0..1024 batches"},
		{r.Data.CacheMB >= 0 && r.Data.CacheMB <= 1<<30, "data.cache_mb", r.Data.CacheMB, "0 (none) or more"},
		{d.ClipSampleRange >= 0, "diffusion.clip_sample_range", d.ClipSampleRange, "0 (no clipping) or more"},
		{r.Sample.Steps >= 0, "sample.steps", r.Sample.Steps, "0 (the sampler's own number) or more"},
	}
	for _, c := range checks {
		if !c.ok {
			return fmt.Errorf("%s = %v: want %s", c.key, c.have, c.want)
		}
	}
	if _, err := r.LossKind(); err != nil {
		return err
	}
	if r.Sample.Spacing != "" {
		if _, err := sampler.ParseSpacing(r.Sample.Spacing); err != nil {
			return fmt.Errorf("sample.spacing: %w", err)
		}
	}
	cfg, err := r.NetworkConfig()
	if err != nil {
		return err
	}
	if err := r.checkDropout(cfg); err != nil {
		return err
	}
	_, err = r.Scheduler()
	return err
}

// checkDropout holds label dropout and guidance to a network that has a label for dropped ones.
func (r *Recipe) checkDropout(cfg nn.Config) error {
	net, err := nn.New(cfg)
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	drops, null := r.Train.LabelDropout > 0, net.Signature().Labels().Null > 0
	switch {
	case drops && !null:
		return fmt.Errorf("train.label_dropout = %v: the network has no classes to drop: set network.num_class_embeds to one more than the data have",
			r.Train.LabelDropout)
	case null && !drops:
		return errors.New("network._null_label is set, but train.label_dropout is 0: the null label would never be learned; set train.label_dropout to 0.1")
	case r.Sample.GuidanceScale != 0 && r.Sample.GuidanceScale != 1 && !drops:
		return fmt.Errorf("sample.guidance_scale = %v: guidance needs a network that has learned without labels too: set train.label_dropout to 0.1",
			r.Sample.GuidanceScale)
	}
	return nil
}

// LossKind is the kind of the recipe's loss.
func (r *Recipe) LossKind() (loss.Kind, error) {
	switch r.Diffusion.Loss {
	case "mse":
		return loss.MSE, nil
	case "huber":
		if r.Diffusion.HuberDelta <= 0 {
			return 0, fmt.Errorf("diffusion.huber_delta = %v: want a positive number", r.Diffusion.HuberDelta)
		}
		return loss.Huber, nil
	case "l1":
		return loss.L1, nil
	}
	return 0, fmt.Errorf("diffusion.loss = %q: want mse, huber or l1", r.Diffusion.Loss)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
