// Package gitlfs recognizes the text files that Git leaves in the place of a large file that was not fetched.
//
// Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
package gitlfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrPointer is what Check returns for a pointer.
var ErrPointer = errors.New("this is a Git LFS pointer, a note of 3 lines in the place of the file: " +
	"fetch the file with `git lfs pull` in the folder that was cloned, or download it from the site")

// maxPointer is the longest pointer, in bytes.
const maxPointer = 1024

// Check returns ErrPointer if a file that begins with head is a pointer.
func Check(head []byte) error {
	if bytes.HasPrefix(head, []byte("version https://git-lfs.github.com/spec/")) ||
		bytes.HasPrefix(head, []byte("version https://hawser.github.com/spec/")) {
		return ErrPointer
	}
	return nil
}

// CheckFile is Check of a file; its error names the path.
func CheckFile(path string) error {
	stat, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !stat.Mode().IsRegular() {
		return fmt.Errorf("%s: is not a regular file", path)
	}
	if stat.Size() > maxPointer {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxPointer))
	if err == nil {
		err = Check(head)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
