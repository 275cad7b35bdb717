package safefile

import (
	"errors"
	"os"
	"path/filepath"
)

// pending is what renameio, which has no Windows, is elsewhere: a temporary file beside its place. Windows' rename
// replaces a file in one step.
type pending struct {
	*os.File
	path string
	done bool
}

func newPending(path string) (*pending, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return nil, err
	}
	return &pending{File: f, path: path}, nil
}

// CloseAtomicallyReplace writes the file through to the disk and moves it to its place.
func (p *pending) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return err
	}
	p.done = true
	return nil
}

// Cleanup removes the temporary file of a write that did not end.
func (p *pending) Cleanup() error {
	if p.done {
		return nil
	}
	_ = p.Close() // it may be closed
	return os.Remove(p.Name())
}
