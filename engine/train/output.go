package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/internal/version"
)

// output is the run directory of a run under way.
type output struct {
	dir      string
	recipe   *recipe.Recipe
	warn     func(format string, args ...any)
	source   string // of the data, as config.toml says it; "": the recipe's
	lock     *rundir.Lock
	metrics  *rundir.Metrics
	events   *watch.Writer   // nil: no event files
	vanished bool            // the directory was made anew and lacks its recipe and metrics
	failed   map[string]bool // kinds of files that could not be written last time
}

// acquire makes the directory and locks it. It is refused if it holds something when a run begins,
// and if it holds nothing when one is resumed.
func (o *output) acquire(resume bool) error {
	if err := rundir.Check(o.dir, resume); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o777); err != nil {
		return rundir.WithAdvice(err)
	}
	var err error
	if o.lock, err = rundir.Acquire(o.dir); err != nil {
		return rundir.WithAdvice(err)
	}
	if err := rundir.Check(o.dir, resume); err != nil { // another process may have come first
		return err
	}
	return rundir.CheckFolders(o.dir)
}

// warnOnError makes a warning of an error of the file system in what is written along the way, once
// per kind of file until it is written again. The run goes on: the next save may succeed, and the
// last one must.
func (o *output) warnOnError(step int, what string, err error) error {
	switch {
	case err == nil:
		delete(o.failed, what)
		return nil
	case !rundir.IsStorageError(err):
		return err
	case !o.failed[what]:
		o.warn("step %d: %v. Training goes on", step, rundir.WithAdvice(err))
	}
	if o.failed == nil {
		o.failed = map[string]bool{}
	}
	o.failed[what] = true
	return nil
}

// ensureRunDir makes a run directory that has vanished anew, with its recipe and metrics, so that
// what is learned is not lost. What cannot be written then is tried again the next time.
func (o *output) ensureRunDir(step int) error {
	switch err := o.lock.Check(); {
	case errors.Is(err, fs.ErrNotExist):
		if err := o.remake(); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("%s: %w", o.dir, err)
	}
	if !o.vanished {
		return nil
	}
	if err := o.writeConfig(); err != nil {
		return err
	}
	if err := o.metrics.Rewrite(); err != nil {
		return err
	}
	_ = o.events.Close()
	if err := o.openEvents(step); err != nil {
		return err
	}
	o.vanished = false
	o.warn("step %d: the run directory %s had vanished and was made anew; earlier checkpoints and samples are gone",
		step, o.dir)
	return nil
}

// checkPlace ends a run whose directory has become another's.
func (o *output) checkPlace() error {
	if err := o.lock.Check(); errors.Is(err, rundir.ErrReplaced) {
		return fmt.Errorf("%s: %w", o.dir, err)
	}
	return nil
}

// remake makes a run directory that has vanished, unless another takes its place meanwhile, and locks it.
func (o *output) remake() error {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(o.dir)), 0o777); err != nil {
		return err
	}
	if err := os.Mkdir(o.dir, 0o777); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", o.dir, rundir.ErrReplaced)
	} else if err != nil {
		return err
	}
	lock, err := rundir.Acquire(o.dir)
	if err != nil {
		_ = os.Remove(o.dir) // else it would be taken for another's the next time
		return err
	}
	_ = o.lock.Close() // of a file that is gone
	o.lock, o.vanished = lock, true
	return nil
}

// makeDir makes a directory of the run.
func (o *output) makeDir(step int, name string) (string, error) {
	if err := o.ensureRunDir(step); err != nil {
		return "", err
	}
	dir := filepath.Join(o.dir, name)
	return dir, rundir.MakeFolder(dir)
}

func (o *output) writeConfig() error {
	source := o.source
	if source == "" {
		source = o.recipe.Data.Source
	}
	text, err := o.recipe.WithSource(source).Encode()
	if err != nil {
		return err
	}
	return rundir.WriteConfig(o.dir, append([]byte("# unnoise "+version.Version+"\n"), text...))
}

// openEvents opens the event file, if the recipe asks for one.
func (o *output) openEvents(step int) error {
	if !o.recipe.Log.TensorBoard {
		return nil
	}
	dir := filepath.Join(o.dir, rundir.TensorBoardDir)
	err := rundir.MakeFolder(dir)
	if err != nil {
		return err
	}
	o.events, err = watch.Open(dir, step)
	return err
}

// closeFiles closes all but the lock.
func (o *output) closeFiles() {
	o.metrics.Close()
	o.events.Close()
}
