package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/rundir"
)

// loop takes the steps.
func (t *trainer) loop(ctx context.Context) error {
	for t.step < t.Recipe.Train.Steps {
		err := t.takeStep(ctx)
		if err == nil {
			err = t.afterStep(ctx)
		}
		switch last := t.step == t.Recipe.Train.Steps; {
		case ctx.Err() != nil && !last:
			return t.interrupted(ctx)
		case err != nil:
			return t.stopped(err)
		}
	}
	return nil
}

// afterStep writes what is due after a step. Files that cannot be written are warned of, but for the last checkpoint.
func (t *trainer) afterStep(ctx context.Context) error {
	r := t.Recipe.Train
	last := t.step == r.Steps
	if err := t.watchHistograms(); err != nil {
		if err := t.endWatch(err); err != nil {
			return err
		}
	}
	if t.step%r.LogEvery == 0 || last {
		if err := t.report(); err != nil {
			return err
		}
	}
	if !last && r.EvalEvery > 0 && t.step%r.EvalEvery == 0 {
		if err := t.evaluate(ctx); err != nil {
			return err
		}
	}
	if !last && r.SampleEvery > 0 && t.step%r.SampleEvery == 0 {
		if err := t.tolerate("samples", t.samples(ctx)); err != nil {
			return err
		}
	}
	if last || r.CheckpointEvery > 0 && t.step%r.CheckpointEvery == 0 {
		if _, err := t.inspect(); err != nil {
			return err
		}
		if last {
			return t.save()
		}
		return t.tolerate("checkpoint", t.save())
	}
	return nil
}

// interrupted saves what has been learned so far.
func (t *trainer) interrupted(ctx context.Context) error {
	if err := t.report(); err != nil {
		return err
	}
	if t.step > t.saved || t.result.Checkpoint == "" {
		if err := t.save(); err != nil {
			return err
		}
	}
	return fmt.Errorf("stopped after step %d, saved in %s: %w", t.step, t.result.Checkpoint, ctx.Err())
}

// stopped ends a run at an error. What was learned before a batch could not be made, or before a file could not be written, is saved if
// it can be.
func (t *trainer) stopped(err error) error {
	var batch batchError
	switch {
	case errors.As(err, &batch) && t.step > t.saved:
		if saving := t.save(); saving != nil {
			return errors.Join(err, saving)
		}
		return fmt.Errorf("%w; the steps before, %d of them, are saved in %s", err, t.step, t.result.Checkpoint)
	case rundir.IsStorageError(err) && t.result.Checkpoint != "" && !errors.As(err, &batch):
		return fmt.Errorf("%w; the last checkpoint is %s", rundir.WithAdvice(err), t.result.Checkpoint)
	case rundir.IsStorageError(err):
		return rundir.WithAdvice(err)
	}
	return err
}

// batchError is a failure to make a batch.
type batchError struct{ error }

func (e batchError) Unwrap() error { return e.error }

// takeStep runs one optimizer step: its batches are a pure function of the seed and the step. When ctx ends before the weights are
// touched the step is given up.
func (t *trainer) takeStep(ctx context.Context) error {
	state := t.Recipe.State(t.step)
	r := t.Recipe.Train
	for m := range r.MicroBatches {
		state.Micro, state.SampleBase = uint32(m), uint32(m*r.MicroBatch)
		if err := t.feed(t.step, m); err != nil {
			return err
		}
		if err := exec.RunContext(ctx, t.micro, &state); err != nil {
			return err
		}
	}
	if err := t.finish.Run(&state); err != nil {
		return err
	}
	t.step++
	return nil
}

// feed fills the inputs with micro-batch m of step k.
func (t *trainer) feed(k, m int) error {
	r := t.Recipe.Train
	position := (uint64(k)*uint64(r.MicroBatches) + uint64(m)) * uint64(r.MicroBatch)
	if err := t.loader.Batch(position, r.MicroBatch, t.x0, t.labels); err != nil {
		return batchError{err}
	}
	if err := t.micro.Set("x0", t.x0); err != nil {
		return err
	}
	if t.prog.Model.Signature.Labels().Kind == nn.ClassCondition {
		if err := t.micro.SetInts("labels", t.labels); err != nil {
			return err
		}
	}
	if t.Recipe.Data.Prefetch > 0 {
		t.loader.Prefetch(position+uint64(r.MicroBatch), r.MicroBatch)
	}
	return nil
}

// endWatch stops writing event files after one could not be written: a torn record would end what readers see anyway.
func (t *trainer) endWatch(err error) error {
	if !rundir.IsStorageError(err) && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	t.warn("step %d: %v: event files end here. Training goes on", t.step, rundir.WithAdvice(err))
	_ = t.watch.Close()
	t.watch = nil
	return nil
}
