package cli

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/train"
)

// trainReport shows how a run goes: a bar on a terminal, else a line an event.
type trainReport struct {
	g     *globals
	out   string
	bar   *progressbar.ProgressBar
	first int // steps taken before this process, which the bar leaves out
}

// newTrainReport hooks the report to a run.
func newTrainReport(g *globals, o *train.Options) *trainReport {
	r := &trainReport{g: g, out: o.Out}
	if g.terminal(g.err) {
		r.first = stepsTaken(o)
		r.bar = newBar(g, max(o.Recipe.Train.Steps-r.first, 1), "training", "steps")
	}
	o.OnProgress, o.OnEval, o.OnCheckpoint, o.OnSamples, o.OnWarning = r.progress, r.evaluation, r.checkpoint, r.samples, r.warning
	return r
}

// stepsTaken is the step that a resumed run goes on from.
func stepsTaken(o *train.Options) int {
	list, err := checkpoint.List(filepath.Join(o.Out, checkpoint.CheckpointsDir))
	if !o.Resume || err != nil || len(list) == 0 {
		return 0 // an error shows when the run opens the folder
	}
	return list[len(list)-1].Step
}

// line prints an event above the bar.
func (r *trainReport) line(object map[string]any, format string, args ...any) {
	if r.bar != nil {
		r.bar.Clear()
	}
	r.g.say(object, format, args...)
	if r.bar != nil {
		r.bar.RenderBlank()
	}
}

func (r *trainReport) progress(p train.Progress) {
	if r.bar != nil {
		r.bar.Describe(fmt.Sprintf("step %d/%d  loss %.4f", p.Step, p.Steps, p.Loss))
		r.bar.Set(p.Step - r.first)
		return
	}
	r.line(map[string]any{"event": "progress", "step": p.Step, "steps": p.Steps, "loss": number(p.Loss), "grad_norm": number(p.GradNorm),
		"learning_rate": p.LearningRate, "samples_per_second": p.SamplesPerSecond, "seconds_left": p.Remaining.Seconds()},
		"step %d/%d  loss %.5f  grad norm %.4f  rate %.3g  %.0f samples/s  %s left", p.Step, p.Steps, p.Loss, p.GradNorm, p.LearningRate,
		p.SamplesPerSecond, p.Remaining.Round(time.Second))
}

func (r *trainReport) evaluation(e train.Evaluation) {
	q := e.Quartiles
	r.line(map[string]any{"event": "evaluation", "step": e.Step, "held_out": number(e.HeldOut),
		"held_out_quartiles": []any{number(q[0]), number(q[1]), number(q[2]), number(q[3])}},
		"step %d  held-out loss %.5f  by quartile of t %s %s %s %s", e.Step, e.HeldOut, quartile(q[0]), quartile(q[1]), quartile(q[2]), quartile(q[3]))
}

// quartile prints a loss, - where there is none.
func quartile(loss float64) string {
	if math.IsNaN(loss) {
		return "-"
	}
	return fmt.Sprintf("%.5f", loss)
}

func (r *trainReport) checkpoint(step int, dir string) {
	r.line(map[string]any{"event": "checkpoint", "step": step, "path": dir}, "step %d  saved %s", step, dir)
}

func (r *trainReport) samples(step int, path string) {
	r.line(map[string]any{"event": "samples", "step": step, "path": path}, "step %d  samples in %s", step, path)
}

// warning prints trouble that does not end the run on standard error, --quiet or not.
func (r *trainReport) warning(text string) {
	if r.bar != nil {
		r.bar.Clear()
	}
	fmt.Fprintf(r.g.err, "unnoise: warning: %s\n", oneLine(text))
}

// finish takes the bar away.
func (r *trainReport) finish() {
	if r.bar != nil {
		r.bar.Clear()
	}
}

// done prints how the run ended.
func (r *trainReport) done(t *train.Result) error {
	err := r.g.say(map[string]any{"event": "done", "step": t.Step, "held_out": number(t.Evaluation.HeldOut), "checkpoint": t.Checkpoint, "run": r.out},
		"done: %d steps, held-out loss %.5f, run %s, model %s", t.Step, t.Evaluation.HeldOut, r.out, t.Checkpoint)
	if errors.Is(err, syscall.EPIPE) {
		return nil // the reader has gone away; the run is whole
	}
	return err
}

// number is a JSON value: null where JSON has no number for it.
func number(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}
