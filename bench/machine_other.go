//go:build !unix

package bench

import "time"

// cpuTime is 0: this system does not give the CPU time of a process in a form that is read.
func cpuTime() time.Duration { return 0 }
