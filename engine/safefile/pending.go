//go:build !windows

package safefile

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newPending begins a file that takes its place when it is closed; the temporary one lies beside it.
func newPending(path string) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithPermissions(0o666), renameio.WithTempDir(filepath.Dir(path)))
}
