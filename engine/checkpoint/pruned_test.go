package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// saved writes checkpoints of a run's folder.
func saved(t *testing.T, run string, steps ...int) string {
	t.Helper()
	folder := filepath.Join(run, CheckpointsDir)
	for _, step := range steps {
		if err := Save(filepath.Join(folder, StepName(step)), smallCheckpoint(t, float32(step))); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestPrunedWhileRead: when the checkpoint that was found is removed while it is read, the newest one is found again.
func TestPrunedWhileRead(t *testing.T) {
	run := t.TempDir()
	folder := saved(t, run, 1)
	var read []string
	err := ReadResolved(run, "", func(m *Model) error {
		if read = append(read, filepath.Base(m.Dir)); len(read) > 1 {
			return nil
		}
		saved(t, run, 2)
		if err := Remove(filepath.Join(folder, StepName(1))); err != nil {
			t.Fatal(err)
		}
		_, err := os.ReadFile(m.Config)
		return err
	})
	if err != nil || strings.Join(read, " ") != "step-1 step-2" {
		t.Errorf("read %v, %v: expected step-1, then step-2", read, err)
	}
	failure := errors.New("failure")
	if err := ReadResolved(run, "", func(*Model) error { return failure }); err != failure {
		t.Errorf("got %v, expected the reader's own error", err)
	}
}

// TestLinkedStep: a step that is a link is followed, one that leads nowhere named, neither is a run's own.
func TestLinkedStep(t *testing.T) {
	run, other := t.TempDir(), t.TempDir()
	folder := saved(t, run, 1)
	link := filepath.Join(folder, StepName(2))
	if err := os.Symlink(filepath.Join(saved(t, other, 7), StepName(7)), link); err != nil {
		t.Fatal(err)
	}
	if entry, notes, err := Newest(folder); err != nil || entry.Step != 2 || len(notes) != 0 {
		t.Errorf("got %v, %q, %v: expected the linked step 2", entry, notes, err)
	}
	if WrittenBy(link, nil) {
		t.Error("a link is taken for a checkpoint of the run")
	}
	if err := os.RemoveAll(other); err != nil {
		t.Fatal(err)
	}
	entry, notes, err := Newest(folder)
	if err != nil || entry.Step != 1 || len(notes) != 1 || !strings.Contains(notes[0], link) {
		t.Errorf("got %v, %q, %v: expected step 1 and a note that names the link", entry, notes, err)
	}
}
