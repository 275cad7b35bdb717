package train_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
)

// tiny is a recipe of the swiss roll that takes milliseconds a step.
func tiny(t *testing.T, set ...string) *recipe.Recipe {
	t.Helper()
	base := []string{"network.hidden=16", "network.layers=2", "network.time_embed_dim=16", "data.num_points=500", "train.micro_batch=32", "train.steps=20",
		"train.log_every=3", "train.eval_samples=64", "train.sample_count=16", "train.warmup_steps=5"}
	r, err := recipe.Preset("swissroll", append(base, set...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cpu() exec.Executor { return exec.NewCPU(exec.CPUOptions{Workers: 2}) }

func run(t *testing.T, o train.Options) *train.Result {
	t.Helper()
	o.Executor = cpu()
	res, err := train.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// same compares every file of two directories.
func same(t *testing.T, a, b string) {
	t.Helper()
	files := 0
	err := filepath.Walk(a, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		files++
		rel, _ := filepath.Rel(a, path)
		x, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		y, err := os.ReadFile(filepath.Join(b, rel))
		if err != nil {
			return err
		}
		if string(x) != string(y) {
			t.Errorf("%s differs", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 4 {
		t.Errorf("%s holds %d files only", a, files)
	}
}

// TestResume holds 10 + resume + 10 steps to 20 steps, file by file, with and without accumulation.
func TestResume(t *testing.T) {
	for name, set := range map[string][]string{"plain": nil, "accumulate": {"train.micro_batches=3"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
			run(t, train.Options{Recipe: tiny(t, set...), Out: whole})
			run(t, train.Options{Recipe: tiny(t, append(set, "train.steps=10")...), Out: parts})
			run(t, train.Options{Recipe: tiny(t, set...), Out: parts, Resume: true})
			same(t, filepath.Join(whole, "checkpoints", "step-20"), filepath.Join(parts, "checkpoints", "step-20"))
		})
	}
}

// TestResumeOfAnEndedRun: the evaluation at the end, done again, is in the metrics once.
func TestResumeOfAnEndedRun(t *testing.T) {
	dir := t.TempDir()
	for _, resume := range []bool{false, true, true} {
		run(t, train.Options{Recipe: tiny(t, "train.steps=4"), Out: dir, Resume: resume})
	}
	lines, err := rundir.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, losses := 0, 0
	for _, l := range lines {
		if l.HeldOut != nil {
			held++
		} else {
			losses++
		}
	}
	if held != 1 || losses != 2 {
		t.Errorf("%d evaluations and %d reports, want 1 and 2", held, losses)
	}
}

// TestInterrupt stops a run by its context and continues it to the same end.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	run(t, train.Options{Recipe: tiny(t), Out: whole})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := train.Run(ctx, train.Options{Recipe: tiny(t), Out: parts, Executor: cpu(), OnProgress: func(p train.Progress) {
		if p.Step == 6 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "step 6") {
		t.Fatalf("error %v", err)
	}
	run(t, train.Options{Recipe: tiny(t), Out: parts, Resume: true})
	same(t, filepath.Join(whole, "checkpoints", "step-20"), filepath.Join(parts, "checkpoints", "step-20"))
}

// TestBadStep drives a network to infinity: the run stops, names a tensor and keeps the state before the bad step.
func TestBadStep(t *testing.T) {
	dir := t.TempDir()
	r := tiny(t, "train.learning_rate=1e30", "train.max_grad_norm=0", "train.warmup_steps=0")
	_, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir, Executor: cpu()})
	var bad *train.BadStepError
	if !errors.As(err, &bad) {
		t.Fatalf("error %v", err)
	}
	if bad.Tensor == "" || bad.Checkpoint == "" {
		t.Errorf("the error names neither tensor nor checkpoint: %v", err)
	}
	if _, err := os.Stat(filepath.Join(bad.Checkpoint, "training_state.safetensors")); err != nil {
		t.Error(err)
	}
	t.Log(err)
}

// TestRefusals lists what a run refuses, each with what the message must name.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	run(t, train.Options{Recipe: tiny(t, "train.steps=3"), Out: full})
	cases := []struct {
		name string
		o    train.Options
		want string
	}{
		{"existing directory", train.Options{Recipe: tiny(t), Out: full}, "--resume"},
		{"nothing to resume", train.Options{Recipe: tiny(t), Out: filepath.Join(dir, "none"), Resume: true}, "no run"},
		{"changed key", train.Options{Recipe: tiny(t, "train.learning_rate=1e-3"), Out: full, Resume: true}, "train.learning_rate"},
		{"wrong size", train.Options{Recipe: tiny(t, "network.in_channels=3"), Out: filepath.Join(dir, "size")}, "channels"},
		{"unknown data", train.Options{Recipe: tiny(t, "data.source=nowhere"), Out: filepath.Join(dir, "data")}, "nowhere"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.o.Executor = cpu()
			if _, err := train.Run(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that names %q", err, c.want)
			}
		})
	}
}
