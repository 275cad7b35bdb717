package cli_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/model"
)

// TestKill kills a run that saves at every step, a hundred times at random moments: each time every checkpoint that is there can be
// read, and the run goes on from the last one. Every tenth run is left alone until it has saved: it may take as long as it needs.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred runs")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "unnoise")
	if out, err := exec.Command("go", "build", "-o", binary, "./unnoise").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := filepath.Join(dir, "run")
	first := []string{"train", "--preset", "swissroll", "--steps", "1000000", "--out", run, "--quiet", "--set", "network.hidden=8",
		"--set", "network.layers=1", "--set", "data.num_points=50", "--set", "train.micro_batch=4", "--set", "train.log_every=1",
		"--set", "train.checkpoint_every=1", "--set", "train.keep_checkpoints=2"}
	last := 0
	for try := range 100 {
		args := first
		if _, err := os.Stat(filepath.Join(run, "config.toml")); err == nil {
			args = []string{"train", "--resume", "--out", run, "--quiet"}
		}
		c := exec.Command(binary, args...)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for try%10 == 0 && newest(t, run) <= last {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Duration(20+rand.IntN(180)) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatalf("try %d: the run ended by itself: %v", try, err)
		}
		c.Wait()
		last = readable(t, run, last)
	}
	if last < 10 {
		t.Errorf("%d steps in 100 runs, of which ten were left alone until they had saved one", last)
	}
	t.Logf("%d steps in 100 runs", last)
}

// newest is the step of the last checkpoint of a run, 0 before the first.
func newest(t *testing.T, run string) int {
	t.Helper()
	list, err := checkpoint.List(filepath.Join(run, checkpoint.CheckpointsDir))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].Step
}

// readable loads every checkpoint of a run and returns the step of the last, which is at least before.
func readable(t *testing.T, run string, before int) int {
	t.Helper()
	list, err := checkpoint.List(filepath.Join(run, checkpoint.CheckpointsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		for _, raw := range []bool{false, true} {
			if _, err := model.Load(e.Path, raw); err != nil {
				t.Fatal(err)
			}
		}
		before = max(before, e.Step)
	}
	if len(list) > 0 && list[len(list)-1].Step < before {
		t.Fatalf("the last checkpoint is step %d, step %d was there", list[len(list)-1].Step, before)
	}
	return before
}
