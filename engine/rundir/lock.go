package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/unnoise/unnoise/engine/safefile"
)

// Lock is the lock of a run directory, and knows the directory whatever happens to its name later.
type Lock struct {
	path   string
	file   *os.File
	folder *os.File // open, so that the system gives its number to no other directory
}

// Acquire locks a directory for this process.
func Acquire(dir string) (*Lock, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	l, err := lockIn(folder)
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return l, nil
}

func lockIn(folder *os.File) (*Lock, error) {
	dir := folder.Name()
	path := filepath.Join(dir, LockFile)
	f, err := safefile.OpenOwn(path, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		holder := make([]byte, 256)
		n, _ := f.ReadAt(holder, 0)
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("another process%s trains in %s: wait until it ends, or choose another --out", named(string(holder[:n])), dir)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	host, _ := os.Hostname()
	if f.Truncate(0) == nil { // who holds it is for messages alone: on a full disk it is not said
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d %s\n", os.Getpid(), host), 0)
	}
	return &Lock{path, f, folder}, nil
}

// named is who holds a lock, as its file says.
func named(holder string) string {
	fields := strings.Fields(holder)
	if len(fields) != 2 {
		return ""
	}
	return fmt.Sprintf(" (%s on %s)", fields[0], fields[1])
}

// ErrReplaced says that the directory of a run has become another's.
var ErrReplaced = errors.New("the run directory was replaced while training: something else lies at its path now")

// Check reports whether the directory still is the one that was locked: fs.ErrNotExist if it has
// vanished, ErrReplaced if another took its place, or another lock that of its lock. A lock file
// that was removed is made again.
func (l *Lock) Check() error {
	if err := sameFile(l.folder, os.Stat, l.folder.Name()); err != nil {
		return err
	}
	err := sameFile(l.file, os.Lstat, l.path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	again, err := lockIn(l.folder)
	if err != nil {
		return err
	}
	old := l.file
	l.file = again.file
	return old.Close()
}

// sameFile reports whether a path still is an open file: fs.ErrNotExist if it has vanished, ErrReplaced if it is another.
func sameFile(open *os.File, stat func(string) (os.FileInfo, error), path string) error {
	now, err := stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	was, err := open.Stat()
	if err == nil && !os.SameFile(now, was) {
		err = ErrReplaced
	}
	return err
}

// Close gives the lock up. A nil lock is closed.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.file.Close(), l.folder.Close())
}
