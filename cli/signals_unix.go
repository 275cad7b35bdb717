//go:build unix

package cli

import (
	"os"
	"syscall"
)

// stopSignals end a command in good order; SIGUSR1 is what batch systems send before their time limit.
var (
	withoutHangup = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1}
	stopSignals   = append([]os.Signal{syscall.SIGHUP}, withoutHangup...)
)
