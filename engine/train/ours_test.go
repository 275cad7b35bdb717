package train_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
)

// write makes a file with its folders.
func write(t *testing.T, text string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
	return file
}

// holds verifies the text of a file.
func holds(t *testing.T, file, want string) {
	t.Helper()
	if text, err := os.ReadFile(file); err != nil || string(text) != want {
		t.Errorf("%s holds %q, %v: expected %q", file, text, err, want)
	}
}

// TestLinksInARun: nothing is written through a link in a run directory. The lock and the folders
// are refused, files replaced.
func TestLinksInARun(t *testing.T) {
	for name, refused := range map[string]bool{
		rundir.LockFile: true, rundir.SessionsFile: false, rundir.MetricsFile: false,
		rundir.CurveFile: false, "samples/step-22.png": false, rundir.SamplesDir: true, checkpoint.CheckpointsDir: true,
		rundir.TensorBoardDir: true,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out, link := filepath.Join(dir, "run"), filepath.Join(dir, "run", filepath.FromSlash(name))
			run(t, train.Options{Recipe: tiny(t), Out: out})
			outside := write(t, "precious", dir, "outside")
			target := outside
			if info, err := os.Stat(link); err == nil && info.IsDir() {
				target = dir
			}
			if err := errors.Join(os.RemoveAll(link), os.Symlink(target, link)); err != nil {
				t.Fatal(err)
			}
			_, err := train.Run(context.Background(), train.Options{
				Recipe: tiny(t, "train.steps=22"), Out: out, Resume: true, Executor: cpu()})
			if refused != (err != nil) || refused && !strings.Contains(err.Error(), link) {
				t.Errorf("got %v, expected an error that names the link: %t", err, refused)
			}
			holds(t, outside, "precious")
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Errorf("the folder elsewhere holds %v, %v", entries, err)
			}
		})
	}
}

// TestForeignFoldersStay: folders of a user beside the checkpoints are neither pruned nor replaced,
// whatever they are called.
func TestForeignFoldersStay(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	first := run(t, train.Options{Recipe: tiny(t, "train.keep_checkpoints=1"), Out: out})
	folder := filepath.Dir(first.Checkpoint)
	notes := write(t, "mine", folder, "step-2", "notes")
	beside := write(t, "mine", first.Checkpoint, "notes")
	other := run(t, train.Options{Recipe: tiny(t, "train.seed=9", "train.steps=4"),
		Out: filepath.Join(t.TempDir(), "other")})
	if err := os.Rename(other.Checkpoint, filepath.Join(folder, "step-4")); err != nil {
		t.Fatal(err)
	}
	way := write(t, "mine", folder, "step-21", "notes")
	more := train.Options{Recipe: tiny(t, "train.keep_checkpoints=1", "train.steps=20"), Out: out, Resume: true}
	run(t, more)
	for _, file := range []string{notes, beside, way} {
		holds(t, file, "mine")
	}
	if _, err := os.Stat(filepath.Join(folder, "step-4", "unet")); err != nil {
		t.Errorf("the checkpoint of another run: %v", err)
	}
}

// TestFolderInItsPlace: a folder without a lock that takes the place of the run directory is never
// written, an empty one neither.
func TestFolderInItsPlace(t *testing.T) {
	for name, texts := range map[string][]string{"empty": nil, "files": {"metrics.jsonl", "config.toml"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "run")
			done := false
			_, err := train.Run(context.Background(), train.Options{
				Recipe: tiny(t, "train.checkpoint_every=2"), Out: out, Executor: cpu(),
				OnProgress: func(train.Progress) {
					if done {
						return
					}
					done = true
					err := errors.Join(os.Rename(out, filepath.Join(dir, "moved")), os.Mkdir(out, 0o777))
					if err != nil {
						t.Error(err)
					}
					for _, file := range texts {
						write(t, "mine", out, file)
					}
				}})
			if !errors.Is(err, rundir.ErrReplaced) {
				t.Errorf("got error %v, expected %v", err, rundir.ErrReplaced)
			}
			for _, file := range texts {
				holds(t, filepath.Join(out, file), "mine")
			}
			if entries, err := os.ReadDir(out); err != nil || len(entries) != len(texts) {
				t.Errorf("%v, %v: expected %v alone", entries, err, texts)
			}
		})
	}
}

// TestLeftovers: what killed programs left is removed at the next start, and stops nothing where it cannot be.
func TestLeftovers(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	first := run(t, train.Options{Recipe: tiny(t), Out: out})
	folder := filepath.Dir(first.Checkpoint)
	gone := []string{write(t, "", out, ".metrics.jsonl77"), write(t, "", out, "samples", ".step-3.png5"),
		write(t, "", folder, ".unnoise-tmp-step-7", "x")}
	block := write(t, "", folder, ".unnoise-tmp-step-22") // where the next temporary folder would be
	run(t, train.Options{Recipe: tiny(t, "train.steps=22"), Out: out, Resume: true})
	for _, file := range gone {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is left", file)
		}
	}
	holds(t, block, "")
}
