package rundir

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"

	"github.com/unnoise/unnoise/engine/safefile"
)

// Line is one line of metrics.jsonl: a report of training (loss and what follows), an evaluation
// (held_out and quartiles, nil where no draw fell), or a step that was not finite (bad_step), before
// which the state of Step was saved.
type Line struct {
	Step             int        `json:"step"`
	Loss             *float64   `json:"loss,omitempty"`
	GradNorm         *float64   `json:"grad_norm,omitempty"`
	LearningRate     *float64   `json:"learning_rate,omitempty"`
	SamplesPerSecond *float64   `json:"samples_per_second,omitempty"`
	HeldOut          *float64   `json:"held_out,omitempty"`
	Quartiles        []*float64 `json:"held_out_quartiles,omitempty"`
	BadStep          *BadStep   `json:"bad_step,omitempty"`
}

// BadStep is a step whose loss or gradient was not finite.
type BadStep struct {
	Step   int    `json:"step"`
	Tensor string `json:"tensor,omitempty"` // the first tensor that was not finite
}

// Metrics appends to metrics.jsonl and remembers what it holds.
type Metrics struct {
	path  string
	f     *os.File
	lines []Line
	torn  bool // the file may hold other lines, or end within one
}

// OpenMetrics opens the file and drops lines after a step: they belong to work that is done again.
func OpenMetrics(path string, step int) (*Metrics, error) {
	m := &Metrics{path: path}
	lines, err := readLines[Line](path)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if l.Step <= step && step > 0 {
			m.lines = append(m.lines, l)
		}
	}
	return m, m.Rewrite()
}

// Rewrite writes every line anew.
func (m *Metrics) Rewrite() error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, l := range m.lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	m.torn = true
	if err := safefile.WriteFile(m.path, text.Bytes()); err != nil {
		return err
	}
	m.Close()
	var err error
	if m.f, err = safefile.OpenOwn(m.path, os.O_APPEND); err != nil {
		return err
	}
	m.torn = false
	return nil
}

// Append adds a line. One that cannot be written is written with the next that can.
func (m *Metrics) Append(l Line) error {
	m.lines = append(m.lines, l)
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if m.torn {
		return m.Rewrite()
	}
	if _, err = m.f.Write(append(text, '\n')); err != nil {
		m.torn = true
	}
	return err
}

// AppendHeldOut adds held-out losses in the place of those of the same step: a run that had ended
// is evaluated again when it is resumed.
func (m *Metrics) AppendHeldOut(l Line) error {
	n := len(m.lines)
	m.lines = slices.DeleteFunc(m.lines, func(old Line) bool { return old.Step == l.Step && old.HeldOut != nil })
	m.torn = m.torn || len(m.lines) < n
	return m.Append(l)
}

// Lines are the lines that the file holds or is to hold; the caller must not write to them.
func (m *Metrics) Lines() []Line { return m.lines }

// Close closes the file.
func (m *Metrics) Close() error {
	if m == nil || m.f == nil {
		return nil
	}
	return m.f.Close()
}
