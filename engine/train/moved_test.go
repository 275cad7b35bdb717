package train_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
)

// TestDataMoved: a run goes on with its data elsewhere, or spelled otherwise, to the bytes of an
// unbroken one.
func TestDataMoved(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	data := filepath.Join(dir, "data")
	pictureFolder(t, data, 12)
	whole := run(t, train.Options{Recipe: pictureRecipe(t, data, "train.steps=4"), Out: "whole"})
	run(t, train.Options{Recipe: pictureRecipe(t, "data", "train.steps=1"), Out: "parts"})
	written, err := recipe.ReadFile(filepath.Join("parts", rundir.ConfigFile), nil)
	if err != nil || written.Data.Source != data {
		t.Fatalf("config.toml: got data.source %q, %v, expected %q", written.Data.Source, err, data)
	}
	for i, source := range []string{"./data/", filepath.Join("..", filepath.Base(dir), "data"), "moved"} {
		if source == "moved" {
			if err := os.Rename(data, source); err != nil {
				t.Fatal(err)
			}
			o := train.Options{Recipe: pictureRecipe(t, data, "train.steps=4"), Out: "parts", Resume: true, Executor: cpu()}
			if _, err := train.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "--data PATH") {
				t.Errorf("data gone: got error %v, expected one that names --data", err)
			}
		}
		r := pictureRecipe(t, source, "train.steps=4")
		r.Train.Steps = i + 2
		run(t, train.Options{Recipe: r, Out: "parts", Resume: true})
	}
	same(t, whole.Checkpoint, filepath.Join("parts", "checkpoints", "step-4"))
}

// TestOtherContents: pictures of the same names with other contents are refused, and nothing changes.
func TestOtherContents(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "run")
	pictureFolder(t, dir, 12)
	run(t, train.Options{Recipe: pictureRecipe(t, dir, "train.steps=2"), Out: out})
	before := snapshot(t, out)
	from, to := filepath.Join(dir, "a", "0.png"), filepath.Join(dir, "a", "4.png")
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, append(text, 0), 0o666); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Recipe: pictureRecipe(t, dir, "train.steps=3"), Out: out, Resume: true, Executor: cpu()}
	if _, err := train.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "began on other data") {
		t.Errorf("got error %v, expected a refusal", err)
	}
	for name, text := range snapshot(t, out) {
		if before[name] != text {
			t.Errorf("%s changed", name)
		}
	}
}

// snapshot reads every file of a folder but the lock.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == rundir.LockFile {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
