package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"

	"github.com/google/renameio/v2"

	"github.com/unnoise/unnoise/engine/viz"
)

// MetricsFile is the record of a run in its directory: one Line a line.
const MetricsFile = "metrics.jsonl"

// Line is one line of metrics.jsonl: a report of training (loss and what follows), an evaluation (held_out and quartiles), or
// a step that was not finite (bad_step), before which the state of Step was saved.
type Line struct {
	Step             int       `json:"step"`
	Loss             *float64  `json:"loss,omitempty"`
	GradNorm         *float64  `json:"grad_norm,omitempty"`
	LearningRate     *float64  `json:"learning_rate,omitempty"`
	SamplesPerSecond *float64  `json:"samples_per_second,omitempty"`
	HeldOut          *float64  `json:"held_out,omitempty"`
	Quartiles        []float64 `json:"held_out_quartiles,omitempty"`
	BadStep          *BadStep  `json:"bad_step,omitempty"`
}

// BadStep is a step whose loss or gradient was not finite.
type BadStep struct {
	Step   int    `json:"step"`
	Tensor string `json:"tensor,omitempty"` // the first tensor that was not finite
}

// metricsFile appends to metrics.jsonl and remembers what it holds for the loss curve.
type metricsFile struct {
	path  string
	f     *os.File
	lines []Line
	torn  bool // the file may hold other lines, or end within one
}

// openMetrics opens the file and drops lines after a step: they belong to work that is done again.
func openMetrics(path string, step int) (*metricsFile, error) {
	m := &metricsFile{path: path}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var l Line
		if json.Unmarshal(s.Bytes(), &l) == nil && l.Step <= step && step > 0 {
			m.lines = append(m.lines, l)
		}
	}
	return m, m.rewrite()
}

// rewrite writes every line anew.
func (m *metricsFile) rewrite() error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, l := range m.lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	m.torn = true
	if err := renameio.WriteFile(m.path, text.Bytes(), 0o666); err != nil {
		return err
	}
	m.Close()
	var err error
	if m.f, err = os.OpenFile(m.path, os.O_APPEND|os.O_WRONLY, 0o666); err != nil {
		return err
	}
	m.torn = false
	return nil
}

func (m *metricsFile) append(l Line) error {
	m.lines = append(m.lines, l)
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if m.torn {
		return m.rewrite()
	}
	if _, err = m.f.Write(append(text, '\n')); err != nil {
		m.torn = true
	}
	return err
}

// bad notes a step that was not finite.
func (m *metricsFile) bad(e *BadStepError) error {
	return m.append(Line{Step: e.Step - 1, BadStep: &BadStep{e.Step, e.Tensor}})
}

func (m *metricsFile) progress(p Progress) error {
	return m.append(Line{Step: p.Step, Loss: &p.Loss, GradNorm: &p.GradNorm, LearningRate: &p.LearningRate, SamplesPerSecond: &p.SamplesPerSecond})
}

// evaluation notes held-out losses, in the place of those of the same step: a run that had ended is evaluated again when it is resumed.
func (m *metricsFile) evaluation(e Evaluation) error {
	n := len(m.lines)
	m.lines = slices.DeleteFunc(m.lines, func(l Line) bool { return l.Step == e.Step && l.HeldOut != nil })
	m.torn = m.torn || len(m.lines) < n
	return m.append(Line{Step: e.Step, HeldOut: &e.HeldOut, Quartiles: e.Quartiles[:]})
}

// curve draws the losses recorded so far.
func (m *metricsFile) curve(path string) error {
	l := viz.Loss{Title: "training loss", Log: true}
	for _, r := range m.lines {
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

// Close closes the file.
func (m *metricsFile) Close() error {
	if m == nil || m.f == nil {
		return nil
	}
	return m.f.Close()
}
