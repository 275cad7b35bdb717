package train

import (
	"math"

	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/viz"
)

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func (p Progress) line() rundir.Line {
	return rundir.Line{Step: p.Step, Loss: &p.Loss, GradNorm: &p.GradNorm, LearningRate: &p.LearningRate,
		SamplesPerSecond: &p.SamplesPerSecond}
}

func (e Evaluation) line() rundir.Line {
	return rundir.Line{Step: e.Step, HeldOut: &e.HeldOut, Quartiles: e.Quartiles[:]}
}

// line is of the step before, whose state was saved.
func (e *BadStepError) line() rundir.Line {
	return rundir.Line{Step: e.Step - 1, BadStep: &rundir.BadStep{Step: e.Step, Tensor: e.Tensor}}
}

// drawCurve draws the losses of a run.
func drawCurve(path string, lines []rundir.Line) error {
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
