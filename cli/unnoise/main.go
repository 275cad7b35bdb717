// Command unnoise trains and samples denoising diffusion models.
package main

import (
	"os"

	"github.com/unnoise/unnoise/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr)) }
