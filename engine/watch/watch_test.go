package watch_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/engine/watch/eventtest"
)

func picture(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fill writes events of all kinds for steps lo..hi.
func fill(t *testing.T, dir string, resume, lo, hi int) {
	t.Helper()
	w, err := watch.Open(dir, resume)
	if err != nil {
		t.Fatal(err)
	}
	grey := image.NewGray(image.Rect(0, 0, 5, 3))
	grey.SetGray(1, 1, color.Gray{Y: 9})
	for step := lo; step <= hi; step++ {
		values := []float32{float32(step), 0, 1, 2, 3, float32(-step)}
		for _, err := range []error{
			w.Scalars(step, watch.Scalar{Tag: "loss/train", Value: 1 / float64(step)}, watch.Scalar{Tag: "rate", Value: -3}),
			w.PNG(step, "samples", picture(t, grey)),
			w.Histograms(step, watch.Tensor{Tag: "weights/a", Values: values}, watch.Tensor{Tag: "weights/b", Values: []float32{2, 2}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir string) []eventtest.Event {
	t.Helper()
	events, err := eventtest.Read(filepath.Join(dir, watch.File))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// TestEvents reads what was written with a reader of its own.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 1, 2)
	events := read(t, dir)
	if len(events) != 7 || events[0].Version != "brain.Event:2" || events[0].Values != nil {
		t.Fatalf("%d events, the first %+v", len(events), events[0])
	}
	if v := events[4].Values; events[4].Step != 2 || len(v) != 2 || v[0].Tag != "loss/train" || v[0].Scalar != 0.5 || v[1].Scalar != -3 {
		t.Errorf("scalars of step 2: %+v", events[4])
	}
	v := events[5].Values[0]
	if img, err := png.Decode(bytes.NewReader(v.PNG)); err != nil || v.W != 5 || v.H != 3 || img.Bounds().Dx() != 5 || v.Tag != "samples" {
		t.Errorf("picture of step 2: %+v, %v", v, err)
	}
	h := events[6].Values[0].Histogram
	if h.Min != -2 || h.Max != 3 || h.Num != 6 || h.Sum != 6 || h.Squares != 4+0+1+4+9+4 || len(h.Limits) != len(h.Counts) || h.Limits[len(h.Limits)-1] != 3 {
		t.Errorf("histogram %+v", h)
	}
	sum := 0.0
	for i, n := range h.Counts {
		sum += n
		if i > 0 && h.Limits[i] <= h.Limits[i-1] {
			t.Errorf("limits do not grow: %v", h.Limits)
		}
	}
	if sum != 6 {
		t.Errorf("%g values counted, want 6", sum)
	}
	if h := events[6].Values[1].Histogram; len(h.Limits) != 1 || h.Counts[0] != 2 || h.Limits[0] != 2 {
		t.Errorf("histogram of one value: %+v", h)
	}
	for i := 1; i < len(events); i++ {
		if events[i].Wall < events[i-1].Wall {
			t.Errorf("time goes back at event %d", i)
		}
	}
}

// TestResume goes on from step 2 of 4, with the end of the file cut off in the middle of a record: what is read is what one go writes.
func TestResume(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	fill(t, whole, 0, 1, 6)
	fill(t, parts, 0, 1, 4)
	path := filepath.Join(parts, watch.File)
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, stat.Size()-5); err != nil {
		t.Fatal(err)
	}
	fill(t, parts, 2, 3, 6)
	if d := cmp.Diff(timeless(read(t, whole)), timeless(read(t, parts))); d != "" {
		t.Error(d)
	}
	fill(t, parts, 0, 1, 1)
	if events := read(t, parts); len(events) != 4 {
		t.Errorf("a run from the beginning leaves %d events, want 4", len(events))
	}
	fill(t, filepath.Join(parts, "none"), 5, 6, 6)
	if events := read(t, filepath.Join(parts, "none")); len(events) != 4 {
		t.Errorf("a run without file that goes on writes %d events, want 4", len(events))
	}
}

func timeless(events []eventtest.Event) []eventtest.Event {
	for i := range events {
		events[i].Wall = 0
	}
	return events
}

// TestDamaged resumes files with one byte changed in turn: records before the damage stay, and the file can be read.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 0, 1, 1)
	path := filepath.Join(dir, watch.File)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(good); i += 13 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := watch.Open(dir, 9)
		if err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if events := read(t, dir); len(events) == 0 || len(events) > 3 || events[0].Version == "" {
			t.Fatalf("byte %d: %d events", i, len(events))
		}
	}
}

// TestProtobuf reads the file with Google's protocol buffers for Python, where they are installed.
func TestProtobuf(t *testing.T) {
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import google.protobuf").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		t.Skip("no Python with google.protobuf (Debian: python3-protobuf); the other tests read the file with eventtest")
	}
	dir := t.TempDir()
	fill(t, dir, 0, 1, 3)
	text, err := exec.Command(python, "testdata/read_events.py", filepath.Join(dir, watch.File)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var events []eventtest.Event
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var e eventtest.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(line, `"Unknown": []}`) {
			t.Errorf("fields that the messages do not have: %s", line)
		}
		events = append(events, e)
	}
	if d := cmp.Diff(read(t, dir), events); d != "" {
		t.Error(d)
	}
}

// TestNil takes every call without a file.
func TestNil(t *testing.T) {
	var w *watch.Writer
	for _, err := range []error{w.Scalars(1, watch.Scalar{}), w.PNG(1, "", nil), w.Histograms(1), w.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}
