package cli

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/unnoise/unnoise/engine/train"
)

// trainReport shows how a run goes: bars on a terminal, else a line an event. The run and a ticker call it.
type trainReport struct {
	g      *globals
	out    string
	memory int64  // bytes that the run's programs need
	noGPU  string // why the processor computes though any device might; "": it was asked for

	mu       sync.Mutex
	bar      *progressbar.ProgressBar // of the steps; nil without a terminal
	part     *progressbar.ProgressBar // of another phase, while it is under way
	spoke    bool                     // a line without end is on the terminal
	first    int                      // steps taken before this process, which the bar leaves out
	batch    int                      // samples of a step
	loss     *float64                 // of the last report
	reported int                      // its step
	rate     window
	phase    train.Phase
	began    time.Time // of the phase
	said     time.Time // the last announcement of it
	printed  time.Time // the last line
	stop     chan struct{}
}

// newTrainReport hooks the report to a run.
func newTrainReport(g *globals, o *train.Options, memory int64, noGPU string) *trainReport {
	r := &trainReport{g: g, out: o.Out, memory: memory, noGPU: noGPU, stop: make(chan struct{})}
	o.OnStart, o.OnPhase = r.start, r.enter
	o.OnProgress, o.OnEval, o.OnCheckpoint, o.OnSamples, o.OnWarning = r.progress, r.evaluation, r.checkpoint, r.samples, r.warning
	go r.watch()
	return r
}

// line prints an event above the bars.
func (r *trainReport) line(object map[string]any, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.print(object, format, args...)
}

// print is line for callers that hold the mutex.
func (r *trainReport) print(object map[string]any, format string, args ...any) {
	r.clear()
	r.printed = time.Now()
	_ = r.g.say(object, format, args...)
	if r.phase.Name == train.PhaseTraining {
		r.drawTraining()
	}
}

// clear takes bars that are not full from the terminal.
func (r *trainReport) clear() {
	for _, bar := range []*progressbar.ProgressBar{r.bar, r.part} {
		if bar != nil && !bar.IsFinished() {
			_ = bar.Clear()
		}
	}
	if r.spoke {
		fmt.Fprint(r.g.err, "\r\x1b[K")
		r.spoke = false
	}
}

func (r *trainReport) progress(p train.Progress) {
	if r.g.terminal(r.g.err) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.loss, r.reported = &p.Loss, p.Step
		r.drawTraining()
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
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	fmt.Fprintf(r.g.err, "unnoise: warning: %s\n", oneLine(text))
}

// finish ends the report of a run under way.
func (r *trainReport) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	r.phase, r.bar, r.part = train.Phase{}, nil, nil
	close(r.stop)
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
