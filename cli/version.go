package cli

import (
	"runtime"
	"runtime/debug"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/internal/version"
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
			return g.answer(b, "unnoise %s, commit %s, %s %s/%s, BLAS %s", b.Version, b.Commit, b.Go, b.OS, b.Arch, b.BLAS)
		},
	}
}

// build is how the program was built.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // "unknown" where the build has none
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	BLAS    string `json:"blas"`
}

func readBuild() build {
	b := build{Version: version.Version, Commit: "unknown", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, BLAS: blas.Name()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Commit += " with changes"
		}
	}
	return b
}
