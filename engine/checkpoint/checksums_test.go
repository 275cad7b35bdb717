package checkpoint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// saveSteps writes checkpoints of the given steps to a run and returns its checkpoints folder.
func saveSteps(t *testing.T, steps ...int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), CheckpointsDir)
	for _, step := range steps {
		sched, err := NewScheduler(DDPMScheduler)
		if err != nil {
			t.Fatal(err)
		}
		tensors := []Tensor{{Name: "a", Shape: []int{3}, Data: []float32{1, 2, float32(step)}}}
		c := &Checkpoint{Config: []byte(`{"_class_name": "UNet2DModel"}`), Scheduler: sched, Weights: tensors, State: tensors,
			StateInfo: map[string]string{"step": fmt.Sprint(step)}}
		if err := Save(filepath.Join(folder, StepName(step)), c); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestFlippedBits flips one bit of a file of a checkpoint, a thousand times: each is noticed by the file's name.
func TestFlippedBits(t *testing.T) {
	dir := filepath.Join(saveSteps(t, 1), StepName(1))
	files := tree(t, dir)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != 6 {
		t.Fatalf("files %v, expected 5 and their checksums", names)
	}
	rnd := rand.New(rand.NewPCG(16, 0))
	for range 1000 {
		name := names[rnd.IntN(len(names))]
		data := []byte(files[name])
		bit := rnd.IntN(8 * len(data))
		data[bit/8] ^= 1 << (bit % 8)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		err := Verify(dir)
		if err == nil || name != checksumsFile && !strings.Contains(err.Error(), path) {
			t.Fatalf("bit %d of %s: %v", bit, name, err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestDamagedNewest damages the newest checkpoint in several ways: the one before it is taken, and the damage is named.
func TestDamagedNewest(t *testing.T) {
	empty := func(dir string) error { return os.RemoveAll(filepath.Join(dir, unetDir)) }
	truncate := func(name string, size int64) func(string) error {
		return func(dir string) error { return os.Truncate(filepath.Join(dir, name), size) }
	}
	for name, c := range map[string]struct {
		damage func(dir string) error
		want   string
	}{
		"no network":      {empty, "no config.json"},
		"empty weights":   {truncate("unet/"+weightsFile, 0), weightsFile},
		"cut state":       {truncate(stateFile, 50), stateFile},
		"empty config":    {truncate("unet/config.json", 0), "config.json"},
		"empty checksums": {truncate(checksumsFile, 0), checksumsFile},
		"missing file":    {func(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) }, stateFile},
		"old, cut": {func(dir string) error {
			if err := os.Remove(filepath.Join(dir, checksumsFile)); err != nil {
				return err
			}
			return os.Truncate(filepath.Join(dir, stateFile), 50)
		}, stateFile},
	} {
		folder := saveSteps(t, 1, 2)
		if err := c.damage(filepath.Join(folder, StepName(2))); err != nil {
			t.Fatal(err)
		}
		m, err := ResolveModel(filepath.Dir(folder))
		if err != nil || filepath.Base(m.Dir) != StepName(1) || len(m.Notes) != 1 {
			t.Errorf("%s: %+v, %v", name, m, err)
			continue
		}
		if !strings.Contains(m.Notes[0], StepName(2)) || !strings.Contains(m.Notes[0], c.want) {
			t.Errorf("%s: note %q, expected the step and %s", name, m.Notes[0], c.want)
		}
		if err := c.damage(filepath.Join(folder, StepName(1))); err != nil {
			t.Fatal(err)
		}
		if _, err := ResolveModel(filepath.Dir(folder)); err == nil || !strings.Contains(err.Error(), "no whole checkpoint is left") {
			t.Errorf("%s, both: %v", name, err)
		}
	}
}

// TestOldCheckpoints reads a checkpoint without checksums, and a plain directory, as before.
func TestOldCheckpoints(t *testing.T) {
	folder := saveSteps(t, 1, 2)
	if err := os.Remove(filepath.Join(folder, StepName(2), checksumsFile)); err != nil {
		t.Fatal(err)
	}
	m, err := ResolveModel(filepath.Dir(folder))
	if err != nil || filepath.Base(m.Dir) != StepName(2) || len(m.Notes) > 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if entry, notes, err := Newest(t.TempDir()); entry != nil || notes != nil || err != nil {
		t.Errorf("an empty folder: %v, %v, %v", entry, notes, err)
	}
}
