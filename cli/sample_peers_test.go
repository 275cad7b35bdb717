package cli_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cli"
	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/sampler"
)

// peers holds a small network and what diffusers' schedulers draw with it, see bench/peers/scheduler_goldens.py.
const peers = "../engine/sample/testdata/schedulers"

// TestSampleAsDiffusers samples directories of every scheduler that draws no noise, with no flag but the number of steps.
func TestSampleAsDiffusers(t *testing.T) {
	entries, err := os.ReadDir(peers)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(peers, e.Name(), "case.json"))
		if err != nil {
			continue // the network's folder, the noise
		}
		var c struct {
			Steps int
			Noisy bool
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		if c.Noisy {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			dir := t.TempDir()
			copyTo(t, filepath.Join(dir, "unet"), filepath.Join(peers, "unet"))
			copyTo(t, filepath.Join(dir, "scheduler"), filepath.Join(peers, e.Name()))
			y := filepath.Join(dir, "y.npy")
			succeed(t, "sample", "--model", dir, "--noise", filepath.Join(peers, "x_T.npy"), "--steps", strconv.Itoa(c.Steps), "--out", y)
			if rel := distance(t, y, filepath.Join(peers, e.Name(), "y.npy")); !(rel <= 1e-4) {
				t.Errorf("relative L2 distance from diffusers' sample %g", rel)
			}
		})
	}
}

// TestSampleList prints every sampler, as text and as JSON.
func TestSampleList(t *testing.T) {
	var rows []struct{ Name, Help string }
	if err := json.Unmarshal([]byte(succeed(t, "sample", "--list", "--format", "json")), &rows); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, sampler.Names()) {
		t.Errorf("listed %v, want %v", names, sampler.Names())
	}
	if lines := strings.Split(strings.TrimSpace(succeed(t, "sample", "--list")), "\n"); len(lines) != len(names) {
		t.Errorf("%d lines for %d samplers", len(lines), len(names))
	}
	completed := strings.Fields(succeed(t, "__complete", "sample", "--sampler", ""))
	if !slices.Equal(completed, names) {
		t.Errorf("completed as %v", completed)
	}
}

// TestSampleWithoutScheduler says in one line what is taken.
func TestSampleWithoutScheduler(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	copyTo(t, dir, filepath.Join(peers, "unet"))
	var out, errs bytes.Buffer
	args := []string{"unnoise", "sample", "--model", dir, "-n", "1", "--steps", "1", "--out", filepath.Join(t.TempDir(), "y.npy")}
	if code := cli.Main(args, &out, &errs); code != 0 || strings.Count(errs.String(), "\n") != 1 ||
		!strings.Contains(errs.String(), "no scheduler_config.json") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

func succeed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := cli.Main(append([]string{"unnoise"}, args...), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	return out.String()
}

func copyTo(t *testing.T, dst, src string) {
	t.Helper()
	if err := os.CopyFS(dst, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
}

// distance is the relative L2 distance of an array from another.
func distance(t *testing.T, got, want string) float64 {
	t.Helper()
	var values [2][]float32
	for i, path := range []string{got, want} {
		d, err := npy.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		values[i] = d.Data().([]float32)
	}
	var e, s float64
	for i, w := range values[1] {
		d := float64(values[0][i]) - float64(w)
		e, s = e+d*d, s+float64(w)*float64(w)
	}
	return math.Sqrt(e / s)
}
