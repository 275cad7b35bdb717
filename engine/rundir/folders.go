package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/safefile"
)

// folders are those of a run directory.
var folders = []string{checkpoint.CheckpointsDir, SamplesDir, TensorBoardDir}

// MakeFolder makes a folder of a run directory. A link in its place is refused: what it leads to is not the run's.
func MakeFolder(path string) error {
	if err := os.Mkdir(path, 0o777); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkFolder(path)
}

// CheckFolders refuses a run directory with something else in the place of one of its folders.
func CheckFolders(dir string) error {
	for _, name := range folders {
		if err := checkFolder(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func checkFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.IsDir() {
		return err
	}
	what := "it is not a folder"
	if info.Mode()&fs.ModeSymlink != 0 {
		what = "it is a link, and nothing is written through one"
	}
	return &fs.PathError{Op: "mkdir", Path: path, Err: fmt.Errorf("%s: move it away", what)}
}

// RemoveLeftovers removes the temporary files that a program which was killed left in a run directory, and no others.
func RemoveLeftovers(dir string) error {
	top := safefile.RemoveLeftovers(dir, func(name string) bool {
		return name == ConfigFile || name == MetricsFile || name == SessionsFile || name == CurveFile
	})
	samples := safefile.RemoveLeftovers(filepath.Join(dir, SamplesDir), func(name string) bool {
		return strings.HasPrefix(name, "step-") && strings.HasSuffix(name, ".png")
	})
	events := safefile.RemoveLeftovers(filepath.Join(dir, TensorBoardDir), func(name string) bool {
		return strings.HasPrefix(name, "events.out.tfevents.")
	})
	return errors.Join(top, samples, events, checkpoint.RemoveLeftovers(filepath.Join(dir, checkpoint.CheckpointsDir)))
}
