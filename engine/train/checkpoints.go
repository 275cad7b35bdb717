package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/internal/version"
)

// lockRun makes and locks the run directory, and finds the checkpoint to continue from. A run that
// cannot be continued is refused before anything in it has changed.
func (t *trainer) lockRun() error {
	if err := t.out.acquire(t.Resume); err != nil || !t.Resume {
		return err
	}
	if err := t.checkpoints.find(); err != nil || t.checkpoints.path == "" {
		return err
	}
	return t.checkpoints.check()
}

// openRun writes the recipe and opens the files that the run appends to.
func (t *trainer) openRun() error {
	if err := rundir.RemoveLeftovers(t.Out); err != nil {
		t.warn("what a program that was ended left behind cannot be removed: %v. Training goes on", err)
	}
	if err := t.out.writeConfig(); err != nil {
		return rundir.WithAdvice(err)
	}
	var err error
	if t.out.metrics, err = rundir.OpenMetrics(filepath.Join(t.Out, rundir.MetricsFile), t.step); err != nil {
		return err
	}
	if err := t.noteSession(); err != nil {
		return err
	}
	return t.out.openEvents(t.step)
}

// noteSession adds this program to the run's sessions. A run that goes on in another type is told
// of: its numbers change.
func (t *trainer) noteSession() error {
	if before, err := rundir.ReadSessions(t.Out); err == nil && len(before) > 0 {
		if last := before[len(before)-1]; last.Type != t.DType.String() {
			t.warn("the run was computed in %s on %s and goes on in %s on %s, with other rounding: --dtype %s keeps the type",
				last.Type, last.Machine, t.DType, t.Executor.Name(), last.Type)
		}
	}
	return rundir.AppendSession(t.Out, rundir.NewSession(t.step, t.Executor.Name(), t.DType.String()))
}

// checkpoints writes the state of a run and takes it up again.
type checkpoints struct {
	t    *trainer
	path string // the last one, "" if there is none
	step int    // the step that was saved last, or at which this process began

	run   *recipe.Recipe    // the recipe that a resumed run was written with
	files *checkpoint.Model // to continue from
}

// find compares the recipe with the run's and takes the step of its last checkpoint.
func (c *checkpoints) find() error {
	t := c.t
	old, err := recipe.ReadFile(filepath.Join(t.Out, rundir.ConfigFile), nil)
	if err != nil {
		return fmt.Errorf("%s cannot be resumed: %w", t.Out, err)
	}
	c.run = old
	t.Recipe.KeepHorizon(old)
	if changed := recipe.Changes(old, t.Recipe); len(changed) > 0 {
		return fmt.Errorf("%s cannot be resumed with other settings, which would change the result: %s. "+
			"To train its weights further with them begin another run: --init %s --out DIR", t.Out, strings.Join(changed, "; "), t.Out)
	}
	newest, notes, err := checkpoint.Newest(filepath.Join(t.Out, checkpoint.CheckpointsDir))
	if err != nil {
		return err
	}
	for _, note := range notes {
		t.warn("%s", note)
	}
	if newest != nil {
		t.step, c.path = newest.Step, newest.Path
	} else {
		t.warn("%s has no checkpoint: training begins again with step 1", t.Out)
	}
	if t.step > t.Recipe.Train.Steps {
		return fmt.Errorf("%s has taken %d steps already, train.steps is %d: give more --steps", t.Out, t.step,
			t.Recipe.Train.Steps)
	}
	return nil
}

// stateBuffers are the persistent buffers that a checkpoint holds beside the averaged weights, with
// the prefix of their tensors.
var stateBuffers = []struct{ prefix, buffer string }{
	{"raw.", nn.WeightsBuffer}, {"adam_m.", momentBuffer}, {"adam_v.", varianceBuffer},
}

// restore writes weights and moments to the executor: the initial ones, or those of the checkpoint.
func (c *checkpoints) restore() error {
	m, executor := c.t.stepper.Model, c.t.Executor
	if c.path == "" {
		return c.t.stepper.Begin()
	}
	files := c.files
	for _, s := range stateBuffers {
		arena := make([]float32, m.Params.Size())
		if err := m.ReadState(files.State, s.prefix, arena); err != nil {
			return err
		}
		if err := executor.Write(s.buffer, 0, arena); err != nil {
			return err
		}
	}
	if err := m.ReadWeights(files.Weights); err != nil {
		return err
	}
	if err := executor.Write(nn.EMABuffer, 0, m.Weights); err != nil {
		return err
	}
	return m.Round(executor, nn.WeightsBuffer)
}

// check verifies that the checkpoint's state is of this run, its data and its step.
func (c *checkpoints) check() error {
	t := c.t
	var err error
	if c.files, err = checkpoint.ResolveModel(c.path); err != nil {
		return err
	}
	if c.files.State == "" {
		return fmt.Errorf("%s has no training_state.safetensors: it cannot be resumed", c.files.Dir)
	}
	f, err := checkpoint.Open(c.files.State)
	if err != nil {
		return err
	}
	defer f.Close()
	info := f.Metadata()
	if err := c.checkRecipe(info); err != nil {
		return fmt.Errorf("%s %w", c.files.State, err)
	}
	was, contents := info["data"], info["data_contents"]
	if was != "" && was != t.source.set.Fingerprint() || contents != "" && contents != t.source.contents {
		return fmt.Errorf("%s: the run began on other data: %s holds other samples now "+
			"(their number, names, classes or contents differ), which would change the result; "+
			"restore it, say with --data PATH where the run's data are, or begin another run with --init %s --out DIR",
			t.Out, t.Recipe.Data.Source, t.Out)
	}
	if info["step"] != strconv.Itoa(t.step) {
		return fmt.Errorf("%s is of step %s, not %d", c.files.State, info["step"], t.step)
	}
	return nil
}

// checkRecipe verifies that a checkpoint was written with this recipe. Up to v0.1 its hash included
// where the data lay: config.toml goes on saying so until the next checkpoint has today's hash.
func (c *checkpoints) checkRecipe(info map[string]string) error {
	r, hash, source := c.t.Recipe, info["config_sha256"], c.run.Data.Source
	switch {
	case hash == r.Hash():
		return nil
	case hash != r.FormerHash(source):
		return errors.New("belongs to a run with other settings: restore the run's config.toml, or begin another run with --init")
	case info["data"] == "" && source != r.Data.Source:
		return fmt.Errorf("does not say what its data were: they have to lie at %s, as when the run began", source)
	}
	c.t.out.source = source
	return nil
}

// write saves a checkpoint that is due, once no step before it has turned out bad. Only the last one must be written.
func (c *checkpoints) write(context.Context) error {
	t := c.t
	if _, _, err := t.progress.inspect(); err != nil {
		return err
	}
	if t.step == t.Recipe.Train.Steps {
		return c.saveLast()
	}
	return t.out.warnOnError(t.step, "checkpoint", c.save())
}

// saveLast is save of a state that would be lost with the process: on a full disk the oldest
// checkpoints make room for it, never the last whole one.
func (c *checkpoints) saveLast() error {
	for {
		err := c.save()
		if !rundir.IsFull(err) || !c.dropOldest() {
			return err
		}
	}
}

// dropOldest removes the oldest checkpoint of the run, if a later one is whole, and reports whether it did.
func (c *checkpoints) dropOldest() bool {
	list, err := checkpoint.List(filepath.Join(c.t.Out, checkpoint.CheckpointsDir))
	if err != nil {
		return false
	}
	list = slices.DeleteFunc(list, func(e checkpoint.Entry) bool { return !c.old(e) })
	for i := len(list) - 1; i > 0; i-- {
		if checkpoint.Verify(list[i].Path) != nil {
			continue
		}
		if checkpoint.Remove(list[0].Path) != nil {
			return false
		}
		c.t.warn("step %d: the disk is full: %s was removed to make room for the last checkpoint",
			c.t.step, list[0].Path)
		return true
	}
	return false
}

// save writes the checkpoint of the current step and removes old ones.
func (c *checkpoints) save() error {
	t, m := c.t, c.t.stepper.Model
	read := func(buffer string) ([]float32, error) {
		arena := make([]float32, m.Params.Size())
		return arena, t.Executor.Read(buffer, 0, arena)
	}
	average, err := read(nn.EMABuffer)
	if err != nil {
		return err
	}
	saved := m.Checkpoint(average)
	for _, s := range stateBuffers {
		arena, err := read(s.buffer)
		if err != nil {
			return err
		}
		saved.State = append(saved.State, m.StateTensors(s.prefix, arena)...)
	}
	saved.StateInfo = map[string]string{
		"unnoise": version.Version, "step": strconv.Itoa(t.step), "seed": strconv.FormatUint(t.Recipe.Train.Seed, 10),
		"config_sha256": t.Recipe.Hash(), "data": t.source.set.Fingerprint(),
	}
	if t.source.contents != "" {
		saved.StateInfo["data_contents"] = t.source.contents
	}
	dir, err := t.out.makeDir(t.step, checkpoint.CheckpointsDir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, checkpoint.StepName(t.step))
	if _, err := os.Lstat(path); err == nil && !c.own(path) {
		return &fs.PathError{Op: "save", Path: path,
			Err: errors.New("something that is no checkpoint of this run is there: move it away")}
	}
	if err := checkpoint.Save(path, saved); err != nil {
		return err
	}
	c.path, c.step = path, t.step
	if t.out.source != "" { // which today's hash does not need
		t.out.source = ""
		if err := t.out.writeConfig(); err != nil {
			return err
		}
	}
	if t.OnCheckpoint != nil {
		t.OnCheckpoint(t.step, path)
	}
	return checkpoint.Prune(dir, t.Recipe.Train.KeepCheckpoints, c.old)
}

// old reports whether a checkpoint is this run's, up to its step: later ones were damaged when it was resumed.
func (c *checkpoints) old(e checkpoint.Entry) bool {
	return e.Step <= c.t.step && c.own(e.Path)
}

// own reports whether a folder is a checkpoint of this run, which may be replaced and pruned.
func (c *checkpoints) own(path string) bool {
	writtenWith := func(hash string) bool {
		return checkpoint.WrittenBy(path, map[string]string{"config_sha256": hash})
	}
	return writtenWith(c.t.Recipe.Hash()) || c.run != nil && writtenWith(c.t.Recipe.FormerHash(c.run.Data.Source))
}

// last is the path of the last checkpoint of a run that has ended.
func (c *checkpoints) last() string {
	if c.path != "" {
		return c.path
	}
	return filepath.Join(c.t.Out, checkpoint.CheckpointsDir, checkpoint.StepName(c.t.step))
}
