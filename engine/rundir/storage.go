package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// IsStorageError reports whether an error is the file system's: what could not be written now may be written later.
func IsStorageError(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	var number syscall.Errno
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &number)
}

// IsFull reports whether an error says that there is no space left.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// WithAdvice adds what to do about an error of the file system.
func WithAdvice(err error) error {
	switch {
	case err == nil:
		return nil
	case IsFull(err):
		return fmt.Errorf("%w: the disk is full, free some space there", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: make it writable", err)
	}
	return err
}
