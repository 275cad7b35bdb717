// Package safefile opens and writes the files of users: only regular ones are read, none is written
// through a link, and what is written appears whole or not at all.
package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular is the cause of errors about FIFOs, devices, sockets and folders where a file belongs.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a file to read it, following links. What is no regular file is refused at once, where
// os.Open would wait for a writer.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	return verified(f)
}

// OpenOwn opens a file to read and write it, with further flags of os.OpenFile. A link, another
// name of which changes a file elsewhere, is refused as well.
func OpenOwn(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|nonBlocking|noFollow|flag, 0o666)
	if err != nil {
		if info, statErr := os.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
			err = &fs.PathError{Op: "open", Path: path,
				Err: fmt.Errorf("%w, which nothing is written to; remove it", ErrNotRegular)}
		}
		return nil, err
	}
	if f, err = verified(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && names(info) > 1 {
		err = &fs.PathError{Op: "open", Path: path,
			Err: errors.New("the file has another name too (a hard link), which would change with it; remove it")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// verified closes what is no regular file.
func verified(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile reads a regular file of at most limit bytes; 0: of any size.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if limit == 0 {
		return io.ReadAll(f)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: more than %d bytes, which is too large for such a file", path, limit)
	}
	return text, err
}

// Write writes a file: it appears complete or not at all, and takes the place of a link. The
// temporary file lies beside it.
func Write(path string, encode func(io.Writer) error) error {
	f, err := newPending(path)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := encode(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.CloseAtomicallyReplace()
}

// WriteFile is Write of a text.
func WriteFile(path string, text []byte) error {
	return Write(path, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// RemoveLeftovers removes the temporary files that a Write of a killed program left in a folder.
// match says which names, without their number, this folder's files have.
func RemoveLeftovers(dir string, match func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		name, hidden := strings.CutPrefix(e.Name(), ".")
		base := strings.TrimRight(name, "0123456789")
		if hidden && base != name && e.Type().IsRegular() && match(base) {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return failed
}
