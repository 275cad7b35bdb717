package cli

import (
	"runtime"
	"runtime/debug"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/kernels/blas"
)

func versionCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "version",
		Usage: "print the version and how the program was built",
		Action: func(c *urfave.Context) error {
			g, err := readGlobals(c)
			if err != nil {
				return err
			}
			b := readBuild()
			return g.answer(b, "unnoise %s, %s %s/%s, BLAS %s", b.Version, b.Go, b.OS, b.Arch, b.BLAS)
		},
	}
}

// build is how the program was built.
type build struct {
	Version string `json:"version"` // module version, or the commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	BLAS    string `json:"blas"`
}

func readBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, BLAS: blas.Name()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	if b.Version != "" && b.Version != "(devel)" {
		return b
	}
	b.Version = "development"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Version += " " + s.Value
		}
	}
	return b
}
