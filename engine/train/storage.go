package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/unnoise/unnoise/engine/rundir"
)

// tolerate makes a warning of an error of the file system in what is written along the way, once per kind of file until it is written
// again. The run goes on: the next save may succeed, and the last one must.
func (t *trainer) tolerate(what string, err error) error {
	switch {
	case err == nil:
		delete(t.troubled, what)
		return nil
	case !rundir.IsStorageError(err):
		return err
	case !t.troubled[what]:
		t.warn("step %d: %v. Training goes on", t.step, rundir.WithAdvice(err))
	}
	if t.troubled == nil {
		t.troubled = map[string]bool{}
	}
	t.troubled[what] = true
	return nil
}

// present makes a run directory that has vanished anew, with its recipe and metrics, so that what is learned is not lost. What cannot be
// written then is tried again the next time.
func (t *trainer) present() error {
	switch err := t.lock.Check(); {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(t.Out, 0o777); err != nil {
			return err
		}
		lock, err := rundir.Acquire(t.Out)
		if err != nil {
			return err
		}
		_ = t.lock.Close() // of a file that is gone
		t.lock, t.vanished = lock, true
	case err != nil:
		return fmt.Errorf("%s: %w", t.Out, err)
	}
	if !t.vanished {
		return nil
	}
	if err := t.writeConfig(); err != nil {
		return err
	}
	if err := t.metrics.Rewrite(); err != nil {
		return err
	}
	t.warn("step %d: the run directory %s had vanished and was made anew; earlier checkpoints and samples are gone", t.step, t.Out)
	_ = t.watch.Close()
	t.vanished = false
	return t.openWatch()
}

func (t *trainer) writeConfig() error {
	text, err := t.Recipe.Encode()
	if err != nil {
		return err
	}
	return rundir.WriteConfig(t.Out, text)
}
