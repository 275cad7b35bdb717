// Command gen writes C files from the project's cuda.h: the trampolines of package driver, and the two files that hold the
// header to a real one. It runs in the folder of package driver.
//
//	gen trampolines      writes trampolines.c
//	gen check FOLDER     writes FOLDER/report.c and FOLDER/prototypes.c
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/unnoise/unnoise/cuda/driver/internal/header"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	h, err := header.Read("include", header.Files...)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "trampolines":
		return os.WriteFile("trampolines.c", h.Trampolines(), 0o644)
	case len(args) == 2 && args[0] == "check":
		if err := os.WriteFile(filepath.Join(args[1], "report.c"), h.Report(), 0o644); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(args[1], "prototypes.c"), h.Prototypes(), 0o644)
	}
	return errors.New("usage: gen trampolines | gen check FOLDER")
}
