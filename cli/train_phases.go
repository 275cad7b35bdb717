package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/engine/train"
)

// How long a phase may last before it is announced, and how often it is said again where no terminal shows a bar.
const (
	announceAfter = 2 * time.Second
	announceAgain = 15 * time.Second
	tickInterval  = time.Second
)

// units are what phases count.
var units = map[string]string{train.PhaseEvaluation: "samples", train.PhaseSamples: "steps"}

// start prints what the run is about to do.
func (r *trainReport) start(s train.Start) {
	r.mu.Lock()
	defer r.mu.Unlock()
	source := s.Recipe.WithSource(s.Recipe.Data.Source).Data.Source
	t := s.Recipe.Train
	r.batch, r.first = t.MicroBatch*t.MicroBatches, s.FirstStep-1
	object := map[string]any{"event": "start", "device": s.Device, "dtype": s.DType, "network": s.Network,
		"parameters": s.Parameters, "data": source, "kind": s.Kind, "training_samples": s.Train, "held_out_samples": s.HeldOut,
		"classes": s.Classes, "batch": r.batch, "micro_batch": t.MicroBatch, "first_step": s.FirstStep, "steps": t.Steps,
		"memory_bytes": r.memory, "run": s.Out}
	device := s.Device
	if r.noGPU != "" {
		object["no_gpu"] = r.noGPU
		device += ", not a GPU: " + r.noGPU
	}
	classes := "no classes"
	if s.Classes > 0 {
		classes = fmt.Sprintf("%d classes", s.Classes)
	}
	r.print(object, "device   %s; %s\nnetwork  %s, %d parameters\n"+
		"data     %s (%s): %d samples to train on, %d held out, %s\n"+
		"training steps %d to %d of %d samples, about %.2g GB of memory\nrun      %s",
		device, s.DType, s.Network, s.Parameters, source, s.Kind, s.Train, s.HeldOut, classes,
		s.FirstStep, t.Steps, r.batch, float64(r.memory)/1e9, s.Out)
	if r.g.terminal(r.g.err) && t.Steps > r.first {
		r.bar = steadyBar(r.g, t.Steps-r.first, "training", progressbar.OptionSetWidth(12))
	}
}

// enter takes note of the phase that the run is at, and moves the bars.
func (r *trainReport) enter(p train.Phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if p.Name != r.phase.Name {
		r.leave()
		r.began, r.said = now, time.Time{}
	}
	r.phase = p
	switch {
	case p.Name == train.PhaseTraining:
		r.rate.mark(now, p.Done)
		r.drawTraining()
	case p.Total > 0 && r.g.terminal(r.g.err):
		if r.part == nil {
			r.clear()
			r.part = newBar(r.g, p.Total, p.Name, units[p.Name])
		}
		_ = r.part.Set(p.Done)
	}
}

// leave ends what shows the phase under way.
func (r *trainReport) leave() {
	r.clear()
	r.part = nil
}

// drawTraining moves the bar of the steps.
func (r *trainReport) drawTraining() {
	if r.bar == nil || r.bar.IsFinished() {
		return
	}
	shown := r.phase.Done - r.first
	if r.phase.Done == r.phase.Total && r.reported < r.phase.Done {
		shown-- // a full bar stays as it is: the loss of the last step belongs on it
	}
	text := fmt.Sprintf("step %d/%d", r.phase.Done, r.phase.Total)
	if r.phase.Done == r.first {
		text = fmt.Sprintf("first step, %.0f s", time.Since(r.began).Seconds())
	}
	if r.loss != nil {
		text += fmt.Sprintf("  loss %.4f", *r.loss)
	}
	if v := r.rate.perSecond() * float64(r.batch); v > 0 {
		text += fmt.Sprintf("  %.3g samples/s", v)
	}
	r.bar.Describe(fitting(text))
	_ = r.bar.Set(shown)
}

// fitting cuts a description so that the bar beside it fits the terminal, whose width may change.
func fitting(text string) string {
	const beside, least = 36, 12 // columns of the bar and its times, and of a description
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width == 0 {
		return text
	}
	return text[:min(len(text), max(width-beside, least))]
}

// tick shows that a phase goes on: on a terminal each second, elsewhere once it has lasted a while.
func (r *trainReport) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lasted := now.Sub(r.began)
	if r.phase.Name == "" || lasted < announceAfter {
		return
	}
	if r.g.terminal(r.g.err) {
		switch {
		case r.phase.Name == train.PhaseTraining:
			r.drawTraining()
		case r.part != nil:
			_ = r.part.RenderBlank()
		default:
			fmt.Fprintf(r.g.err, "\r%s, %.0f s", r.phase.Name, lasted.Seconds())
			r.spoke = true
		}
		return
	}
	steps := r.phase.Name == train.PhaseTraining && r.phase.Done > r.first
	if now.Sub(r.said) < announceAgain || steps && now.Sub(r.printed) < announceAgain {
		return
	}
	r.said = now
	name, object := r.phase.Name, map[string]any{"event": "phase", "phase": r.phase.Name, "seconds": lasted.Seconds()}
	if name == train.PhaseTraining && r.phase.Done == r.first {
		name = "first step"
	}
	count := ""
	if r.phase.Total > 0 {
		object["done"], object["total"] = r.phase.Done, r.phase.Total
		count = fmt.Sprintf(" %d/%d", r.phase.Done, r.phase.Total)
	}
	r.print(object, "%s%s, %.0f s so far", name, count, lasted.Seconds())
}

// watch ticks until the report is finished.
func (r *trainReport) watch() {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			r.tick(now)
		case <-r.stop:
			return
		}
	}
}

// window measures the speed of the last seconds.
type window struct {
	times []time.Time
	steps []int
}

// windowMarks are the marks that a window keeps, at least a second apart.
const windowMarks = 12

func (w *window) mark(now time.Time, step int) {
	if n := len(w.times); n > 1 && now.Sub(w.times[n-2]) < time.Second {
		w.times[n-1], w.steps[n-1] = now, step
		return
	}
	w.times, w.steps = append(w.times, now), append(w.steps, step)
	if n := len(w.times) - windowMarks; n > 0 {
		w.times, w.steps = w.times[n:], w.steps[n:]
	}
}

// perSecond is steps a second, 0 where nothing is known.
func (w *window) perSecond() float64 {
	n := len(w.times)
	if n < 2 || !w.times[n-1].After(w.times[0]) {
		return 0
	}
	return float64(w.steps[n-1]-w.steps[0]) / w.times[n-1].Sub(w.times[0]).Seconds()
}

// whyNoGPU says why --device auto took the processor; "" where it did not.
func whyNoGPU(asked, taken string) string {
	if asked != "auto" || taken != "cpu" {
		return ""
	}
	d, err := cuda.Open("cuda:0")
	if err != nil {
		return oneLine(err.Error())
	}
	_ = d.Close()
	return ""
}
