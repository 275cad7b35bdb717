package train

import (
	"context"
	"math"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
)

// EvaluationBatch is how many held-out samples are evaluated at once.
const EvaluationBatch = 250

// heldOut measures the held-out loss of the averaged weights. Times are spread evenly over 0..T-1
// (the multiples of the golden ratio, modulo 1), noise is the same at every evaluation.
type heldOut struct{ t *trainer }

func (h *heldOut) evaluate(ctx context.Context) error {
	n := h.t.Recipe.Train.EvalSamples
	if n == 0 {
		return nil
	}
	e, err := h.loss(ctx, n)
	if err != nil {
		return err
	}
	h.t.result.Evaluation = *e
	return h.t.record(func(r recorder) error { return r.evaluation(*e) })
}

// loss is the mean over n draws of a held-out sample, a time and noise. Samples follow in their order,
// again and again where there are fewer than n.
func (h *heldOut) loss(ctx context.Context, n int) (*Evaluation, error) {
	s := h.t.stepper
	if err := s.Model.Round(s.Executor, nn.EMABuffer); err != nil {
		return nil, err
	}
	batch := min(n, EvaluationBatch)
	p, err := s.Evaluate(batch)
	if err != nil {
		return nil, err
	}
	program, err := s.Executor.Load(p)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	loader, err := data.NewLoader(h.t.source.heldOut, data.LoaderConfig{Ordered: true})
	if err != nil {
		return nil, err
	}
	in := s.newInputs(program, batch)
	var sums, counts [4]float64
	for lo := 0; lo < n; lo += batch {
		h.t.phase(PhaseEvaluation, lo, n)
		times, losses, err := h.batch(ctx, in, loader, lo, batch)
		if err != nil {
			return nil, err
		}
		for i := range min(batch, n-lo) {
			q := int(times[i]) * 4 / s.Model.Process.Timesteps()
			sums[q] += float64(losses[i])
			counts[q]++
		}
	}
	h.t.phase(PhaseEvaluation, n, n)
	e := &Evaluation{Step: h.t.step}
	for q := range sums {
		e.HeldOut += sums[q] / float64(n)
		e.Quartiles[q] = sums[q] / counts[q] // NaN where no draw fell
	}
	return e, nil
}

// batch returns times and losses of samples lo..lo+n-1.
func (h *heldOut) batch(ctx context.Context, in *inputs, loader *data.Loader, lo, n int) ([]int32, []float32, error) {
	err := in.load(func(dst data.Batch) error {
		if err := loader.Batch(uint64(lo), dst); err != nil {
			return batchError{err}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	times := make([]int32, n)
	for i := range times {
		_, u := math.Modf(float64(lo+i) * math.Phi)
		times[i] = int32(u * float64(h.t.stepper.Model.Process.Timesteps()))
	}
	if err := in.program.SetInts("t", times); err != nil {
		return nil, nil, err
	}
	state := kernels.StepState{Seed: h.t.Recipe.Train.Seed, SampleBase: uint32(lo), LossScale: 1}
	if err := exec.RunContext(ctx, in.program, &state); err != nil {
		return nil, nil, err
	}
	losses := make([]float32, n)
	return times, losses, in.program.Get("losses", losses)
}
