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
