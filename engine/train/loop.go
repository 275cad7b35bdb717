package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/engine/rundir"
)

// loop takes the steps that are left. After each the hooks that are due act in their order.
func (t *trainer) loop(ctx context.Context) error {
	for t.step < t.Recipe.Train.Steps {
		err := t.advance(ctx)
		switch last := t.step == t.Recipe.Train.Steps; {
		case ctx.Err() != nil && !last:
			return t.interrupted(ctx)
		case err != nil:
			return t.stopped(err)
		}
	}
	return nil
}

// advance takes one step: its batches are a pure function of the seed and the step.
func (t *trainer) advance(ctx context.Context) error {
	if err := t.stepper.Step(ctx, t.step, t.source.fill); err != nil {
		return err
	}
	t.step++
	t.training()
	for _, h := range t.after {
		if !h.due(t.step) {
			continue
		}
		if err := h.act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// interrupted saves what has been learned so far.
func (t *trainer) interrupted(ctx context.Context) error {
	if err := t.progress.report(ctx); err != nil {
		return err
	}
	if t.step > t.checkpoints.step || t.checkpoints.path == "" {
		if err := t.checkpoints.saveLast(); err != nil {
			return err
		}
	}
	return fmt.Errorf("stopped after step %d, saved in %s: %w", t.step, t.checkpoints.path, ctx.Err())
}

// stopped ends a run at an error. What was learned before a batch could not be made, or before a
// file could not be written, is saved if it can be.
func (t *trainer) stopped(err error) error {
	var batch batchError
	switch {
	case errors.As(err, &batch) && t.step > t.checkpoints.step:
		if saving := t.checkpoints.saveLast(); saving != nil {
			return errors.Join(err, saving)
		}
		return fmt.Errorf("%w; the steps before, %d of them, are saved in %s", err, t.step, t.checkpoints.path)
	case rundir.IsStorageError(err) && t.checkpoints.path != "" && !errors.As(err, &batch):
		return fmt.Errorf("%w; the last checkpoint is %s", rundir.WithAdvice(err), t.checkpoints.path)
	case rundir.IsStorageError(err):
		return rundir.WithAdvice(err)
	}
	return err
}
