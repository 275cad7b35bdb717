package train_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/engine/watch/eventtest"
)

// warned collects the warnings of a run.
type warned []string

func (w *warned) add(text string) { *w = append(*w, text) }

func (w warned) has(text string) bool { return strings.Contains(strings.Join(w, "\n"), text) }

// TestTwoRunsOnOneDirectory: while a process trains in a directory, another one is refused, with --resume and without, before it changes
// anything; when the first ends the second may go on.
func TestTwoRunsOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	tried := false
	run(t, train.Options{Recipe: tiny(t), Out: dir, OnProgress: func(p train.Progress) {
		if tried {
			return
		}
		tried = true
		before, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
		if err != nil {
			t.Error(err)
		}
		_, err = train.Run(context.Background(), train.Options{Recipe: tiny(t), Out: dir, Resume: true, Executor: cpu()})
		if err == nil || !strings.Contains(err.Error(), "another process") || !strings.Contains(err.Error(), dir) {
			t.Errorf("a second run: error %v", err)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); string(before) != string(after) {
			t.Error("the second run changed the metrics")
		}
	}})
	if !tried {
		t.Fatal("no progress")
	}
	run(t, train.Options{Recipe: tiny(t, "train.steps=22"), Out: dir, Resume: true})
	same := filepath.Join(t.TempDir(), "lock only")
	if err := os.MkdirAll(same, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(same, rundir.LockFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, train.Options{Recipe: tiny(t), Out: same})
}

// TestVanishedDirectory removes the run directory while it trains: the run goes on in a new one, which is whole and can be resumed.
func TestVanishedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var w warned
	gone := false
	res := run(t, train.Options{Recipe: tiny(t, "train.checkpoint_every=5"), Out: dir, OnWarning: w.add, OnProgress: func(p train.Progress) {
		if !gone && p.Step >= 9 {
			gone = true
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	}})
	if !w.has("had vanished and was made anew") {
		t.Errorf("warnings %q", w)
	}
	if _, err := model.Load(dir, false); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil || !strings.Contains(string(text), `{"step":3,`) || !strings.Contains(string(text), `{"step":20,`) {
		t.Errorf("metrics %s, %v", text, err)
	}
	if res.Step != 20 {
		t.Errorf("step %d", res.Step)
	}
	events, err := eventtest.Read(filepath.Join(dir, rundir.TensorBoardDir, watch.File))
	if err != nil || len(events) < 2 || events[len(events)-1].Step != 20 {
		t.Errorf("got %d events and error %v, expected those up to step 20 in a new file", len(events), err)
	}
	run(t, train.Options{Recipe: tiny(t, "train.steps=23"), Out: dir, Resume: true})
}

// TestReplacedDirectory puts another run in the directory's place: the first run must not write into it.
func TestReplacedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	other := run(t, train.Options{Recipe: tiny(t, "train.steps=3"), Out: filepath.Join(t.TempDir(), "other")})
	otherRun := filepath.Dir(filepath.Dir(other.Checkpoint))
	moved := false
	_, err := train.Run(context.Background(), train.Options{Recipe: tiny(t), Out: dir, Executor: cpu(), OnProgress: func(p train.Progress) {
		if !moved {
			moved = true
			if err := errors.Join(os.RemoveAll(dir), os.Rename(otherRun, dir)); err != nil {
				t.Error(err)
			}
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "was replaced while training") {
		t.Errorf("error %v", err)
	}
	list, err := checkpoint.List(filepath.Join(dir, checkpoint.CheckpointsDir))
	if err != nil || len(list) != 1 || list[0].Step != 3 {
		t.Errorf("checkpoints %v, %v: want the other run's alone", list, err)
	}
}

// TestUnwritable puts a file where a folder of the run belongs: checkpoints and samples along the way are warned of, the run goes on, and
// what can be written again is written; a last checkpoint that cannot be written is an error that says where.
func TestUnwritable(t *testing.T) {
	for name, removed := range map[string]bool{"for a while": true, "to the end": false} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			block := filepath.Join(dir, checkpoint.CheckpointsDir)
			var w warned
			r := tiny(t, "train.checkpoint_every=4")
			res, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir, Executor: cpu(), OnWarning: w.add,
				OnProgress: func(p train.Progress) {
					switch {
					case p.Step == 3:
						if err := os.WriteFile(block, nil, 0o666); err != nil {
							t.Error(err)
						}
					case p.Step == 12 && removed:
						if err := os.Remove(block); err != nil {
							t.Error(err)
						}
					}
				}})
			if !w.has("step 4: ") || !w.has(block) || !w.has("Training goes on") || len(w) != 1 {
				t.Errorf("warnings %q", w)
			}
			if removed {
				if err != nil || res.Step != 20 {
					t.Errorf("%+v, %v", res, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), block) {
				t.Errorf("error %v, want one with %s", err, block)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{file, filepath.Join(file, "run")} {
		if _, err := train.Run(context.Background(), train.Options{Recipe: tiny(t), Out: out, Executor: cpu()}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("--out %s: error %v", out, err)
		}
	}
}

// TestFileTimesDoNotCount: the last checkpoint is the one of the highest step, whatever the clock said when it was written.
func TestFileTimesDoNotCount(t *testing.T) {
	dir := t.TempDir()
	run(t, train.Options{Recipe: tiny(t, "train.steps=9", "train.checkpoint_every=3"), Out: dir})
	future := time.Now().Add(1000 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, checkpoint.CheckpointsDir, "step-3"), future, future); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, checkpoint.CheckpointsDir, "step-9"), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	first := 0
	run(t, train.Options{Recipe: tiny(t, "train.steps=12"), Out: dir, Resume: true, OnProgress: func(p train.Progress) {
		if first == 0 {
			first = p.Step
		}
	}})
	if first != 12 {
		t.Errorf("the first report of the resumed run is of step %d, want 12: it went on from an older checkpoint", first)
	}
}

// TestInterruptedStep stops a run in the middle of a step that would take hours: it saves the state before the step at once, and the run
// goes on from there as if it had not been stopped.
func TestInterruptedStep(t *testing.T) {
	dir := t.TempDir()
	whole := run(t, train.Options{Recipe: tiny(t, "train.steps=3"), Out: filepath.Join(dir, "whole")})
	part := filepath.Join(dir, "part")
	run(t, train.Options{Recipe: tiny(t, "train.steps=2"), Out: part})
	hours := filepath.Join(dir, "hours")
	ctx := &countdown{Context: context.Background(), left: 2000}
	_, err := train.Run(ctx, train.Options{Recipe: tiny(t, "train.micro_batches=1000000"), Out: hours, Executor: cpu()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, expected %v", err, context.Canceled)
	}
	if n := -ctx.left; n > 100 {
		t.Errorf("the step went on: its context was asked %d times after it had ended", n)
	}
	if list, err := checkpoint.List(filepath.Join(hours, checkpoint.CheckpointsDir)); err != nil || len(list) != 1 || list[0].Step != 0 {
		t.Errorf("checkpoints %v, %v: want that of step 0", list, err)
	}
	// A machine whose operators are interrupted at every chance.
	for n := range 12 {
		ctx := &countdown{Context: context.Background(), left: 7 * n}
		_, err := train.Run(ctx, train.Options{Recipe: tiny(t, "train.steps=3"), Out: part, Resume: true, Executor: exec.NewCPU(exec.CPUOptions{Workers: 1})})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	run(t, train.Options{Recipe: tiny(t, "train.steps=3"), Out: part, Resume: true})
	same(t, whole.Checkpoint, filepath.Join(part, checkpoint.CheckpointsDir, "step-3"))
}

// countdown is a context that ends when it has been asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestBadPictureInARun: a picture that cannot be read ends the run with its name; the steps before are saved.
func TestBadPictureInARun(t *testing.T) {
	dir := t.TempDir()
	pictureFolder(t, dir, 12)
	bad := filepath.Join(dir, "b", "bad.png")
	if err := os.WriteFile(bad, []byte("\x89PNG\r\n\x1a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	_, err := train.Run(context.Background(), train.Options{Recipe: pictureRecipe(t, dir, "train.micro_batch=1", "train.steps=30"), Out: out, Executor: cpu()})
	for _, want := range []string{bad, "data.skip_bad = true", "the steps before, ", "are saved in " + out} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := model.Load(out, true); err != nil {
		t.Error(err)
	}
	var w warned
	res, err := train.Run(context.Background(), train.Options{Recipe: pictureRecipe(t, dir, "data.skip_bad=true"), Out: filepath.Join(t.TempDir(), "run"),
		Executor: cpu(), OnWarning: w.add})
	if err != nil || res.Step != 6 || !w.has("left out 1 pictures") || !w.has(bad) {
		t.Errorf("%+v, %v, warnings %q", res, err, w)
	}
}

// TestBadHeldOutPicture: a held-out picture that cannot be read ends the run at an evaluation; the steps before are saved.
func TestBadHeldOutPicture(t *testing.T) {
	dir := t.TempDir()
	pictureFolder(t, dir, 12)
	bad := filepath.Join(dir, "b", "bad.png")
	if err := os.WriteFile(bad, []byte("\x89PNG\r\n\x1a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for seed := range 1000 {
		r := pictureRecipe(t, dir, fmt.Sprintf("data.seed=%d", seed), "train.eval_samples=1", "train.eval_every=2", "train.checkpoint_every=0")
		o, err := r.DataOptions()
		if err != nil {
			t.Fatal(err)
		}
		set, err := data.OpenSet(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = set.HeldOut.Sample(0, make([]float32, data.SampleSize(set.HeldOut)))
		set.Close()
		if err == nil {
			continue
		}
		_, err = train.Run(context.Background(), train.Options{Recipe: r, Out: filepath.Join(t.TempDir(), "run"), Executor: cpu()})
		for _, want := range []string{bad, "the steps before, 2 of them, are saved in "} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
		return
	}
	t.Fatal("no seed holds the bad picture out")
}

// TestPicturesResume: training on pictures with any number of workers, a stop and a resume gives the same bytes.
func TestPicturesResume(t *testing.T) {
	dir := t.TempDir()
	pictureFolder(t, dir, 14)
	take := func(out string, resume bool, set ...string) string {
		res, err := train.Run(context.Background(), train.Options{Recipe: pictureRecipe(t, dir, set...), Out: out, Resume: resume, Executor: cpu()})
		if err != nil {
			t.Fatal(err)
		}
		return res.Checkpoint
	}
	want := take(filepath.Join(dir, ".whole"), false)
	parts := filepath.Join(dir, ".parts")
	take(parts, false, "train.steps=2", "data.workers=3", "data.cache_mb=0", "data.prefetch=5")
	same(t, want, take(parts, true, "data.prefetch=0", "data.workers=1"))
}

// TestDataChanged: a run is not resumed on a folder that has gained a picture; without it, it is.
func TestDataChanged(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "run")
	pictureFolder(t, dir, 12)
	run(t, train.Options{Recipe: pictureRecipe(t, dir, "train.steps=2"), Out: out})
	added := filepath.Join(dir, "a", "added.png")
	text, err := os.ReadFile(filepath.Join(dir, "a", "0.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(added, text, 0o666); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Recipe: pictureRecipe(t, dir, "train.steps=3"), Out: out, Resume: true}
	if _, err := train.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "began on other data") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(added); err != nil {
		t.Fatal(err)
	}
	run(t, o)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	fresh := filepath.Join(t.TempDir(), "run")
	_, err = train.Run(ended, train.Options{Recipe: pictureRecipe(t, dir, "data.skip_bad=true"), Out: fresh, Executor: cpu()})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "before the first step") {
		t.Errorf("stopped while looking for bad pictures: error %v", err)
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a run that did not begin left a directory")
	}
}

// TestLockIsTheProcess: the lock of a process that was killed does not stay.
func TestLockIsTheProcess(t *testing.T) {
	if os.Getenv("UNNOISE_LOCK_TEST") != "" {
		r := tiny(t, "train.steps=1000000")
		_, err := train.Run(context.Background(), train.Options{Recipe: r, Out: os.Getenv("UNNOISE_LOCK_TEST"), Executor: cpu()})
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	c := osexec.Command(os.Args[0], "-test.run", "^TestLockIsTheProcess$")
	c.Env = append(os.Environ(), "UNNOISE_LOCK_TEST="+dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if b, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); err == nil && len(b) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, err := train.Run(context.Background(), train.Options{Recipe: tiny(t), Out: dir, Resume: true, Executor: cpu()})
	if err == nil || !strings.Contains(err.Error(), "another process (") {
		t.Errorf("beside a living process: error %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	run(t, train.Options{Recipe: tiny(t), Out: dir, Resume: true})
}
