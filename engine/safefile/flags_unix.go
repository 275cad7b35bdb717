//go:build unix

package safefile

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	nonBlocking = unix.O_NONBLOCK
	noFollow    = unix.O_NOFOLLOW
)

// names is how many names (hard links) a file has.
func names(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}
