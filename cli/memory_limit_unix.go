//go:build unix

package cli

import (
	"math"

	"golang.org/x/sys/unix"
)

// runtimeReserve is about what Go's runtime reserves of the address space beside the heap.
const runtimeReserve = 1 << 30

// addressSpace is what the limit on the address space (ulimit -v) leaves for data, 0 where there is no limit.
func addressSpace() int64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &l); err != nil || uint64(l.Cur) > math.MaxInt64/2 {
		return 0
	}
	return max(int64(l.Cur)-runtimeReserve, 1)
}
