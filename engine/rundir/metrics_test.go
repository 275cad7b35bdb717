package rundir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMetricsCatchUp: lines that could not be written are written with the next one that can.
func TestMetricsCatchUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	m, err := OpenMetrics(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for step := 1; step <= 4; step++ {
		if step == 2 { // writing fails, as on a full disk
			if err := m.f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		loss := 1.0
		if err := m.Append(Line{Step: step, Loss: &loss}); (err != nil) != (step == 2) {
			t.Errorf("step %d: %v", step, err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 4 || !strings.Contains(string(text), `{"step":2,`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestLongLines: lines of any length are read, and a session is added after one that was cut off.
func TestLongLines(t *testing.T) {
	dir := t.TempDir()
	text := `{"step":1,"bad_step":{"step":2,"tensor":"` + strings.Repeat("x", 1<<20) + `"}}` + "\n" +
		`{"step":2,"loss":1}` + "\n" + `{"st`
	if err := os.WriteFile(filepath.Join(dir, MetricsFile), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	lines, err := ReadMetrics(dir)
	if err != nil || len(lines) != 2 || lines[1].Step != 2 {
		t.Errorf("got %d lines and error %v, expected 2", len(lines), err)
	}
	if err := os.WriteFile(filepath.Join(dir, SessionsFile), []byte(`{"step":1}`+"\n"+`{"st`), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := AppendSession(dir, NewSession(5, "cpu", "f32")); err != nil {
		t.Fatal(err)
	}
	if list, err := ReadSessions(dir); err != nil || len(list) != 2 || list[1].Step != 5 {
		t.Errorf("got %v, %v: expected the sessions of steps 1 and 5", list, err)
	}
}

// TestLockFileRemoved: a lock file that was removed is made again in the run's own directory, and is still locked.
func TestLockFileRemoved(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Remove(filepath.Join(dir, LockFile)); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	if other, err := Acquire(dir); err == nil {
		other.Close()
		t.Error("the directory was locked twice")
	}
}
