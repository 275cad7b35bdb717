//go:build !unix

package train

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

// lockFile does nothing on systems without flock: there nothing keeps two processes from one run directory.
func lockFile(*os.File) error { return nil }
