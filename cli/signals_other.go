//go:build !unix

package cli

import (
	"os"
	"syscall"
)

var (
	withoutHangup = []os.Signal{os.Interrupt, syscall.SIGTERM}
	stopSignals   = withoutHangup
)
