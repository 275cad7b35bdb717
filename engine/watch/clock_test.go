package watch

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"
)

// TestClockSetBack: events after one of a clock that was ahead are not before it, also when the file is opened again.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	ahead := w.wall + 1e6
	w.wall = ahead
	for step := 1; step <= 2; step++ {
		if err := w.Scalars(step, Scalar{Tag: "x", Value: 1}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if w, err = Open(dir, step); err != nil {
			t.Fatal(err)
		}
	}
	defer w.Close()
	f, err := os.Open(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r, step := bufio.NewReader(f), int64(0); step <= 2; step++ {
		record, err := readRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := readEvent(record); err != nil || e.step != step || step > 0 && e.wall < ahead {
			t.Errorf("event of step %d at %v, %v: want step %d, at %v or later", e.step, e.wall, err, step, ahead)
		}
	}
}
