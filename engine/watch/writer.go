package watch

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/unnoise/unnoise/engine/safefile"
)

// File is the event file in a run's folder of them. TensorBoard takes every file whose name holds "tfevents".
const File = "events.out.tfevents.unnoise"

// version opens every event file.
const version = "brain.Event:2"

// Writer appends events to a run's event file. A nil Writer takes every call and does nothing.
type Writer struct {
	f    *os.File
	size int64   // bytes of whole records in the file
	torn bool    // a record that could not be written whole follows them
	wall float64 // of the last event: wall times never go back, whatever the clock does
}

// Scalar is a named number.
type Scalar struct {
	Tag   string
	Value float64
}

// Open opens the event file of a folder, which it makes. A run that goes on from a step keeps the events up to it; a run from the
// beginning, step 0, starts a new file.
func Open(dir string, step int) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	path, w := filepath.Join(dir, File), &Writer{}
	var old []byte
	if step > 0 {
		var err error
		if old, w.wall, err = kept(path, step); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if len(old) == 0 {
		old = appendRecord(nil, event(w.now(), 0, version, nil))
	}
	if err := safefile.WriteFile(path, old); err != nil {
		return nil, err
	}
	var err error
	if w.f, err = safefile.OpenOwn(path, os.O_APPEND); err != nil {
		return nil, err
	}
	w.size = int64(len(old))
	return w, nil
}

// now is the wall time in seconds, never before the last one.
func (w *Writer) now() float64 {
	w.wall = math.Max(w.wall, float64(time.Now().UnixNano())/1e9)
	return w.wall
}

// append writes an event in one call, so that a program that is ended leaves whole records, or one cut at the end.
func (w *Writer) append(step int, summary message) error {
	if w.torn {
		if err := w.f.Truncate(w.size); err != nil {
			return err
		}
		w.torn = false
	}
	n, err := w.f.Write(appendRecord(nil, event(w.now(), step, "", summary)))
	if err != nil {
		w.torn = n > 0
		return err
	}
	w.size += int64(n)
	return nil
}

// Scalars writes numbers of a step.
func (w *Writer) Scalars(step int, scalars ...Scalar) error {
	if w == nil {
		return nil
	}
	var m message
	for _, s := range scalars {
		m = append(m, scalarValue(s.Tag, s.Value)...)
	}
	return w.append(step, m)
}

// PNG writes a picture of a step, an encoded PNG.
func (w *Writer) PNG(step int, tag string, encoded []byte) error {
	if w == nil {
		return nil
	}
	c, err := png.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return fmt.Errorf("picture %s of step %d: %w", tag, step, err)
	}
	colours := 3
	if c.ColorModel == color.GrayModel {
		colours = 1
	}
	return w.append(step, imageValue(tag, c.Width, c.Height, colours, encoded))
}

// Tensor is named values to count.
type Tensor struct {
	Tag    string
	Values []float32
}

// Histograms writes the distribution of each tensor's values.
func (w *Writer) Histograms(step int, tensors ...Tensor) error {
	if w == nil {
		return nil
	}
	var m message
	for _, t := range tensors {
		m = append(m, histogramValue(t.Tag, newHistogram(t.Values))...)
	}
	return w.append(step, m)
}

// Close closes the file.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	return w.f.Close()
}
