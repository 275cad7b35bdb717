package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/train"
)

func emulator(t *testing.T) exec.Executor {
	t.Helper()
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// losses reads the loss of every step from a run's metrics.
func losses(t *testing.T, run string) []float64 {
	t.Helper()
	f, err := os.Open(filepath.Join(run, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []float64
	for s := bufio.NewScanner(f); s.Scan(); {
		var line struct {
			Loss *float64 `json:"loss"`
		}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Loss != nil {
			list = append(list, *line.Loss)
		}
	}
	return list
}

// TestSwissRollOnDevice trains a small perceptron on the emulator, as a user would, and samples it: every loss is the CPU's to 1e-5,
// and a second run writes the same bytes.
func TestSwissRollOnDevice(t *testing.T) {
	steps := "train.steps=200"
	if testing.Short() {
		steps = "train.steps=30"
	}
	dir := t.TempDir()
	var pictures []byte
	set := []string{steps, "train.log_every=1", "train.sample_count=100"}
	for name, m := range map[string]exec.Executor{"cpu": cpu(), "first": emulator(t), "second": emulator(t)} {
		o := train.Options{Recipe: tiny(t, set...), Out: filepath.Join(dir, name), Executor: m}
		if _, err := train.Run(context.Background(), o); err != nil {
			t.Fatal(name, err)
		}
	}
	want, got := losses(t, filepath.Join(dir, "cpu")), losses(t, filepath.Join(dir, "first"))
	if len(want) < 30 || len(got) != len(want) {
		t.Fatalf("%d losses, on the CPU %d", len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(got[i] - w); !(d <= 1e-5*w) {
			t.Errorf("step %d: loss %.7g, on the CPU %.7g: off by %.2g", i+1, got[i], w, d/w)
		}
	}
	same(t, filepath.Join(dir, "first", "checkpoints"), filepath.Join(dir, "second", "checkpoints"))
	for _, run := range []string{"first", "second"} {
		picture, err := filepath.Glob(filepath.Join(dir, run, "samples", "*.png"))
		if err != nil || len(picture) != 1 {
			t.Fatalf("%s: pictures %v, %v", run, picture, err)
		}
		text, err := os.ReadFile(picture[0])
		if err != nil {
			t.Fatal(err)
		}
		if run == "first" {
			pictures = text
		} else if string(text) != string(pictures) {
			t.Error("the samples of a second run differ")
		}
	}
}
