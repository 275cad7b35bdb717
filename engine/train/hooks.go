package train

import "context"

// hook is work beside the steps. What it fails with ends the run.
type hook struct {
	due func(step int) bool // whether it acts after a step (from 1); unused at the end of a run
	act func(ctx context.Context) error
}

// recorder takes what a run measures: the caller's callbacks, the event files, metrics.jsonl.
type recorder interface {
	progress(Progress) error
	evaluation(Evaluation) error
	samples(step int, path string) error
}

// attach sets the hooks and the recorders in the order in which they act: files of a run hold events in it.
func (t *trainer) attach(samples *samples) {
	r := t.Recipe.Train
	board := &tensorBoard{t}
	evaluation := t.inPhase(PhaseEvaluation, (&heldOut{t}).evaluate)
	draw := t.inPhase(PhaseSamples, samples.draw)
	save := t.inPhase(PhaseCheckpoint, t.checkpoints.write)
	t.after = []hook{
		{t.every(board.histogramEvery(), true), board.histograms},
		{t.every(r.LogEvery, true), t.progress.report},
		{t.every(r.EvalEvery, false), evaluation},
		{t.every(r.SampleEvery, false), draw},
		{t.every(r.CheckpointEvery, true), save},
	}
	t.ending = []hook{{act: evaluation}, {act: draw}, {act: t.inPhase(PhaseCurve, t.drawCurve)}}
	t.recorders = []recorder{callbacks{t.Options}, board, metrics{t}}
}

// every is due each n steps (0: never), and after the last step if last says so.
func (t *trainer) every(n int, last bool) func(step int) bool {
	return func(step int) bool {
		if step == t.Recipe.Train.Steps {
			return last
		}
		return n > 0 && step%n == 0
	}
}

// record hands what was measured to each recorder.
func (t *trainer) record(to func(recorder) error) error {
	for _, r := range t.recorders {
		if err := to(r); err != nil {
			return err
		}
	}
	return nil
}

// callbacks are those of the run's options.
type callbacks struct{ Options }

func (c callbacks) progress(p Progress) error {
	if c.OnProgress != nil {
		c.OnProgress(p)
	}
	return nil
}

func (c callbacks) evaluation(e Evaluation) error {
	if c.OnEval != nil {
		c.OnEval(e)
	}
	return nil
}

func (c callbacks) samples(step int, path string) error {
	if c.OnSamples != nil {
		c.OnSamples(step, path)
	}
	return nil
}
