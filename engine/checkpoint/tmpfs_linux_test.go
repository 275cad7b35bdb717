package checkpoint

import (
	"errors"
	"maps"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A file system of 80 KiB holds one checkpoint and part of a second.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=80k"); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	root := filepath.Join(dir, CheckpointsDir)
	if err := Save(filepath.Join(root, StepName(1)), smallCheckpoint(t, 1)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	for _, step := range []int{1, 2} {
		if err := Save(filepath.Join(root, StepName(step)), smallCheckpoint(t, 2)); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("step %d: error %v, want no space left", step, err)
		}
		if !maps.Equal(tree(t, root), before) {
			t.Errorf("step %d: the folder changed", step)
		}
	}
}
