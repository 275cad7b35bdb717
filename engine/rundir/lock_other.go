//go:build !unix

package rundir

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

// lockFile does nothing on systems without flock: there nothing keeps two processes from one run directory.
func lockFile(*os.File) error { return nil }
