package train_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/engine/watch/eventtest"
)

// smallDisk mounts a file system of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the space of a file system.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return path
		}
	}
}

// TestFullDisk fills the disk while a run trains on it: the run goes on, warns once for each kind of file, and writes everything when there is
// space again, event files too; when there is none to the end, the error says so and the one checkpoint there is stays whole.
func TestFullDisk(t *testing.T) {
	for name, freed := range map[string]bool{"for a while": true, "to the end": false} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t, "4m")
			dir := filepath.Join(disk, "run")
			var w warned
			var filler string
			r := tiny(t, "train.checkpoint_every=2", "train.keep_checkpoints=1")
			_, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir, Executor: cpu(), OnWarning: w.add,
				OnProgress: func(p train.Progress) {
					switch {
					case p.Step == 6:
						filler = fill(t, disk)
					case p.Step == 15 && freed:
						if err := os.Remove(filler); err != nil {
							t.Error(err)
						}
					}
				}})
			if !w.has("the disk is full, free some space there. Training goes on") {
				t.Errorf("warnings %q", w)
			}
			if !freed {
				if err == nil || !strings.Contains(err.Error(), "the disk is full, free some space there; the last checkpoint is "+dir) {
					t.Errorf("error %v", err)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				run(t, train.Options{Recipe: tiny(t), Out: dir, Resume: true})
			} else if err != nil {
				t.Error(err)
			}
			events, err := eventtest.Read(filepath.Join(dir, rundir.TensorBoardDir, watch.File))
			if err != nil || len(events) < 2 || events[len(events)-1].Step != 20 {
				t.Errorf("got %d events and error %v, expected whole ones up to step 20", len(events), err)
			}
			if _, err := model.Load(dir, true); err != nil {
				t.Error(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
			for _, step := range []string{`{"step":3,`, `{"step":9,`, `{"step":12,`, `{"step":18,`, `{"step":20,`} {
				if err != nil || !strings.Contains(string(text), step) {
					t.Errorf("metrics lack %s: %v", step, err)
				}
			}
		})
	}
}

// TestLastSaveMakesRoom: on a disk that stays full the last save takes the place of the oldest checkpoint.
func TestLastSaveMakesRoom(t *testing.T) {
	disk := smallDisk(t, "4m")
	dir := filepath.Join(disk, "run")
	var w warned
	res := run(t, train.Options{Recipe: tiny(t, "train.checkpoint_every=2"), Out: dir, OnWarning: w.add, OnProgress: func(p train.Progress) {
		if p.Step == 9 {
			fill(t, disk)
		}
	}})
	if !w.has("was removed to make room for the last checkpoint") {
		t.Errorf("warnings %q", w)
	}
	list, err := checkpoint.List(filepath.Dir(res.Checkpoint))
	if err != nil || len(list) < 2 || list[len(list)-1].Step != 20 {
		t.Fatalf("checkpoints %v, %v: expected that of step 20 beside an older one", list, err)
	}
	for _, e := range list {
		if err := checkpoint.Verify(e.Path); err != nil {
			t.Error(err)
		}
	}
}

// TestVanishedOnFullDisk removes the run directory and fills the disk: the run goes on, and makes the directory whole when there is space.
func TestVanishedOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	dir := filepath.Join(disk, "run")
	var filler string
	var w warned
	_, err := train.Run(context.Background(), train.Options{Recipe: tiny(t, "train.checkpoint_every=2"), Out: dir, Executor: cpu(), OnWarning: w.add,
		OnProgress: func(p train.Progress) {
			switch p.Step {
			case 6:
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
				filler = fill(t, disk)
			case 15:
				if err := os.Remove(filler); err != nil {
					t.Error(err)
				}
			}
		}})
	if err != nil || !w.has("had vanished and was made anew") {
		t.Fatalf("%v, warnings %q", err, w)
	}
	run(t, train.Options{Recipe: tiny(t, "train.steps=22"), Out: dir, Resume: true})
}

// TestReadOnlyDisk: a directory that cannot be written to is refused before training, with what to do.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "1m")
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err := train.Run(context.Background(), train.Options{Recipe: tiny(t), Out: filepath.Join(disk, "run"), Executor: cpu()})
	if err == nil || !strings.Contains(err.Error(), "read-only file system: make it writable") {
		t.Errorf("error %v", err)
	}
}
