package train

import (
	"context"
	"math"
	"time"
)

// progress reports what was learned since the last report, and finds steps that went bad.
type progress struct {
	t      *trainer
	now    func() time.Time
	began  time.Time
	first  int // step at which this process began
	logged int // step of the last report
}

// newProgress begins at the trainer's step.
func newProgress(t *trainer, now func() time.Time) *progress {
	return &progress{t: t, now: now, began: now(), first: t.step, logged: t.step}
}

// report records the steps since the last report.
func (p *progress) report(context.Context) error {
	t := p.t
	if t.step == p.logged {
		return nil
	}
	mean, last, err := p.inspect()
	if err != nil {
		return err
	}
	p.logged, t.result.Loss = t.step, mean
	line := Progress{Step: t.step, Steps: t.Recipe.Train.Steps, Loss: mean, GradNorm: last.GradNorm,
		LearningRate: t.Recipe.Rate(t.step - 1)}
	p.throughput(&line)
	return t.record(func(r recorder) error { return r.progress(line) })
}

// inspect reads the mean loss and the last record of the steps since the last report, and looks for a bad step.
func (p *progress) inspect() (mean float64, last StepRecord, err error) {
	t := p.t
	records, err := t.stepper.Records(p.logged, t.step)
	if err != nil {
		return 0, last, err
	}
	bad, err := t.stepper.Bad()
	if err != nil {
		return 0, last, err
	}
	for i, r := range records {
		if bad && !r.Finite() {
			return 0, last, p.badStep(p.logged + i)
		}
		mean += r.Loss / float64(len(records))
		last = r
	}
	return mean, last, nil
}

// throughput fills in the speed and the time left. Clocks that stand still or are set back give 0,
// never a number that cannot be written.
func (p *progress) throughput(line *Progress) {
	r := p.t.Recipe.Train
	seconds, steps := p.now().Sub(p.began).Seconds(), float64(p.t.step-p.first)
	if seconds <= 0 || steps <= 0 {
		return
	}
	line.SamplesPerSecond = steps * float64(r.MicroBatch*r.MicroBatches) / seconds
	left := float64(line.Steps-line.Step) * seconds / steps
	line.Remaining = time.Duration(min(left, maxRemaining.Seconds()) * float64(time.Second))
}

// maxRemaining bounds what is said of the time left.
const maxRemaining = 100 * 365 * 24 * time.Hour

// badStep runs step k again, operator by operator, to name the first bad tensor, and saves the
// state: the weights have not changed since that step began.
func (p *progress) badStep(k int) error {
	t := p.t
	name, err := t.stepper.FirstNonFinite(k, t.source.fill)
	if err != nil {
		return err
	}
	t.step = k
	if err := t.checkpoints.saveLast(); err != nil {
		return err
	}
	e := &BadStepError{Step: k + 1, Tensor: name, Checkpoint: t.checkpoints.path}
	if err := t.out.metrics.Append(e.line()); err != nil {
		return err
	}
	return e
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
