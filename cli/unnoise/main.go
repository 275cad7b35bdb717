// Command unnoise trains and samples denoising diffusion models.
package main

import (
	"os"
	"runtime/debug"

	"github.com/unnoise/unnoise/cli"
)

func main() {
	debug.SetTraceback("crash") // ends by SIGABRT: the runtime's own exit code, 2, is that of wrong usage
	os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr))
}
