//go:build unix

package safefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unnoise/unnoise/engine/safefile"
)

// TestOnlyRegularFiles: what would block or never end is refused at once, read or written.
func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	fifo, loop := filepath.Join(dir, "fifo"), filepath.Join(dir, "loop")
	if err := errors.Join(unix.Mkfifo(fifo, 0o666), os.Symlink("loop", loop)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero", dir} {
		if _, err := safefile.ReadFile(path, 10); !errors.Is(err, safefile.ErrNotRegular) {
			t.Errorf("%s: got %v, expected %v", path, err, safefile.ErrNotRegular)
		}
	}
	if _, err := safefile.Open(loop); err == nil {
		t.Error("a loop of links was opened")
	}
}

// TestNothingThroughLinks: OpenOwn refuses links of both kinds, Write takes their place.
func TestNothingThroughLinks(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	soft, hard := filepath.Join(dir, "soft"), filepath.Join(dir, "hard")
	err := errors.Join(os.WriteFile(outside, []byte("precious"), 0o666),
		os.Symlink(outside, soft), os.Link(outside, hard))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{soft, hard} {
		if _, err := safefile.OpenOwn(path, os.O_CREATE); err == nil {
			t.Errorf("%s was opened to write", path)
		}
		if err := safefile.WriteFile(path, []byte("ours")); err != nil {
			t.Error(err)
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "precious" {
		t.Errorf("the file elsewhere holds %q, %v", text, err)
	}
}

// TestLimitAndUmask: a file over its limit is refused; the umask decides the permissions, nothing else.
func TestLimitAndUmask(t *testing.T) {
	old := unix.Umask(0o002)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "file")
	if err := safefile.WriteFile(path, make([]byte, 11)); err != nil {
		t.Fatal(err)
	}
	if _, err := safefile.ReadFile(path, 10); err == nil {
		t.Error("11 bytes of at most 10 were read")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o664 {
		t.Errorf("permissions %v, %v: expected 0664", info.Mode(), err)
	}
}

// TestRemoveLeftovers removes what a killed Write left, and no other file.
func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".loss.png123", ".loss.png", ".notes7", "loss.png123"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := safefile.RemoveLeftovers(dir, func(name string) bool { return name == "loss.png" }); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("got %v, %v: expected all but .loss.png123", left, err)
	}
}
