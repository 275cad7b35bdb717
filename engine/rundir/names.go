// Package rundir holds the files of a run directory: their names, the lock of the process that
// trains in it, the sessions, and the metrics. Training writes them; reports and evaluations read
// them.
package rundir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/unnoise/unnoise/engine/safefile"
)

// The names in a run directory, beside checkpoint.CheckpointsDir.
const (
	ConfigFile     = "config.toml"    // the recipe, defaults included
	MetricsFile    = "metrics.jsonl"  // the record of the run: one Line a line
	SessionsFile   = "sessions.jsonl" // which programs trained it, on what: one Session a line
	LockFile       = ".lock"          // held locked by the process that trains; it stays when the process ends
	SamplesDir     = "samples"        // step-N.png
	TensorBoardDir = "tensorboard"    // event files
	CurveFile      = "loss.png"       // the loss curve
)

// Check refuses a directory that holds something when a run begins, and one that does not when it is resumed.
func Check(dir string, resume bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == LockFile })
	if len(entries) > 0 && !resume {
		return fmt.Errorf("%s exists and is not empty: continue it with --resume or choose another --out", dir)
	}
	if len(entries) == 0 && resume {
		return fmt.Errorf("%s holds no run to resume", dir)
	}
	return nil
}

// WriteConfig writes the text of the recipe, whole or not at all.
func WriteConfig(dir string, text []byte) error {
	return safefile.WriteFile(filepath.Join(dir, ConfigFile), text)
}
