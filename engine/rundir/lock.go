package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Lock is the lock of a run directory.
type Lock struct {
	path string
	file *os.File
}

// Acquire locks a directory for this process, whatever happens to the file's name later.
func Acquire(dir string) (*Lock, error) {
	path := filepath.Join(dir, LockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
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
	return &Lock{path, f}, nil
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
// vanished, ErrReplaced if another took its place.
func (l *Lock) Check() error {
	now, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	locked, err := l.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, locked) {
		return ErrReplaced
	}
	return nil
}

// Close gives the lock up. A nil lock is closed.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
