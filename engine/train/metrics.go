package train

import (
	"context"
	"math"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/viz"
)

// metrics writes metrics.jsonl.
type metrics struct{ t *trainer }

func (m metrics) progress(p Progress) error {
	line := rundir.Line{Step: p.Step, Loss: &p.Loss, GradNorm: &p.GradNorm, LearningRate: &p.LearningRate,
		SamplesPerSecond: &p.SamplesPerSecond}
	return m.write(m.t.out.metrics.Append, line)
}

func (m metrics) evaluation(e Evaluation) error {
	line := rundir.Line{Step: e.Step, HeldOut: &e.HeldOut, Quartiles: make([]*float64, len(e.Quartiles))}
	for q := range e.Quartiles {
		if !math.IsNaN(e.Quartiles[q]) {
			line.Quartiles[q] = &e.Quartiles[q]
		}
	}
	return m.write(m.t.out.metrics.AppendHeldOut, line)
}

// write adds a line, which may write the file anew: never in a directory that has become another's.
func (m metrics) write(add func(rundir.Line) error, line rundir.Line) error {
	if err := m.t.out.checkPlace(); err != nil {
		return err
	}
	return m.t.out.warnOnError(m.t.step, "metrics", add(line))
}

func (m metrics) samples(int, string) error { return nil }

// line is of the step before, whose state was saved.
func (e *BadStepError) line() rundir.Line {
	return rundir.Line{Step: e.Step - 1, BadStep: &rundir.BadStep{Step: e.Step, Tensor: e.Tensor}}
}

// drawCurve draws the losses of the run.
func (t *trainer) drawCurve(context.Context) error {
	if err := t.out.checkPlace(); err != nil {
		return err
	}
	return t.out.warnOnError(t.step, "curve", writeCurve(filepath.Join(t.Out, rundir.CurveFile), t.out.metrics.Lines()))
}

func writeCurve(path string, lines []rundir.Line) error {
	l := viz.Loss{Title: "training loss", Log: true}
	for _, r := range lines {
		if r.Loss != nil {
			l.Steps, l.Values = append(l.Steps, r.Step), append(l.Values, *r.Loss)
		}
		if r.HeldOut != nil {
			l.HeldOutSteps, l.HeldOutValues = append(l.HeldOutSteps, r.Step), append(l.HeldOutValues, *r.HeldOut)
		}
	}
	img, err := viz.LossCurve(l)
	if err != nil {
		return err
	}
	return viz.WritePNG(path, img)
}
