package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
)

// openRun makes the run directory, or finds the checkpoint to continue from.
func (t *trainer) openRun() error {
	if err := rundir.Check(t.Out, t.Resume); err != nil {
		return err
	}
	if err := os.MkdirAll(t.Out, 0o777); err != nil {
		return rundir.WithAdvice(err)
	}
	var err error
	if t.lock, err = rundir.Acquire(t.Out); err != nil {
		return rundir.WithAdvice(err)
	}
	if err := rundir.Check(t.Out, t.Resume); err != nil { // another process may have come first
		return err
	}
	if t.Resume {
		if err := t.openResume(); err != nil {
			return err
		}
	}
	if err := t.writeConfig(); err != nil {
		return rundir.WithAdvice(err)
	}
	if t.metrics, err = rundir.OpenMetrics(filepath.Join(t.Out, rundir.MetricsFile), t.step); err != nil {
		return err
	}
	if err := t.noteSession(); err != nil {
		return err
	}
	return t.openWatch()
}

// openResume compares the recipe with the run's and takes the step of its last checkpoint.
func (t *trainer) openResume() error {
	old, err := recipe.ReadFile(filepath.Join(t.Out, rundir.ConfigFile), nil)
	if err != nil {
		return fmt.Errorf("%s cannot be resumed: %w", t.Out, err)
	}
	if changed := recipe.Changes(old, t.Recipe); len(changed) > 0 {
		return fmt.Errorf("%s cannot be resumed with other settings, which would change the result: %s", t.Out, strings.Join(changed, "; "))
	}
	list, err := checkpoint.List(filepath.Join(t.Out, checkpoint.CheckpointsDir))
	if err != nil {
		return err
	}
	if len(list) > 0 {
		t.step = list[len(list)-1].Step
		t.result.Checkpoint = list[len(list)-1].Path
	} else {
		t.warn("%s has no checkpoint: training begins again with step 1", t.Out)
	}
	if t.step > t.Recipe.Train.Steps {
		return fmt.Errorf("%s has taken %d steps already, train.steps is %d: give more --steps", t.Out, t.step, t.Recipe.Train.Steps)
	}
	return nil
}

// noteSession adds this program to the run's sessions. A run that goes on in another type is told of: its numbers change.
func (t *trainer) noteSession() error {
	if before, err := rundir.ReadSessions(t.Out); err == nil && len(before) > 0 {
		if last := before[len(before)-1]; last.Type != t.DType.String() {
			t.warn("the run was computed in %s on %s and goes on in %s on %s, with other rounding: --dtype %s keeps the type", last.Type, last.Machine,
				t.DType, t.Executor.Name(), last.Type)
		}
	}
	return rundir.AppendSession(t.Out, rundir.NewSession(t.step, t.Executor.Name(), t.DType.String()))
}

// restore writes weights and moments to the machine: the initial ones, or those of the checkpoint.
func (t *trainer) restore() error {
	m := t.prog.Model
	if t.step == 0 {
		if err := t.Executor.Write(nn.WeightsBuffer, 0, m.Weights); err != nil {
			return err
		}
		return t.Executor.Write(nn.EMABuffer, 0, m.Weights)
	}
	files, err := checkpoint.ResolveModel(t.result.Checkpoint)
	if err != nil {
		return err
	}
	if files.State == "" {
		return fmt.Errorf("%s has no training_state.safetensors: it cannot be resumed", files.Dir)
	}
	if err := t.checkState(files.State); err != nil {
		return err
	}
	for prefix, buffer := range map[string]string{"raw.": nn.WeightsBuffer, "adam_m.": momentBuffer, "adam_v.": varianceBuffer} {
		arena := make([]float32, m.Params.Size())
		if err := m.ReadState(files.State, prefix, arena); err != nil {
			return err
		}
		if err := t.Executor.Write(buffer, 0, arena); err != nil {
			return err
		}
	}
	if err := m.ReadWeights(files.Weights); err != nil {
		return err
	}
	return t.Executor.Write(nn.EMABuffer, 0, m.Weights)
}

// checkState holds a checkpoint's metadata to the run.
func (t *trainer) checkState(path string) error {
	f, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info := f.Metadata()
	if info["config_sha256"] != t.Recipe.Hash() {
		return fmt.Errorf("%s belongs to a run with other settings", path)
	}
	if was := info["data"]; was != "" && was != t.set.Fingerprint() {
		return fmt.Errorf("%s: the run began on other data: %s holds other samples now (their number, names or classes differ), which would change the result; restore it, or begin another run",
			t.Out, t.Recipe.Data.Source)
	}
	if info["step"] != strconv.Itoa(t.step) {
		return fmt.Errorf("%s is of step %s, not %d", path, info["step"], t.step)
	}
	return nil
}

// save writes the checkpoint of the current step and removes old ones.
func (t *trainer) save() error {
	p := t.prog.Model.Params.Size()
	arenas := map[string][]float32{}
	for _, b := range []string{nn.WeightsBuffer, nn.EMABuffer, momentBuffer, varianceBuffer} {
		arenas[b] = make([]float32, p)
		if err := t.Executor.Read(b, 0, arenas[b]); err != nil {
			return err
		}
	}
	c := t.prog.Model.Checkpoint(arenas[nn.EMABuffer])
	c.State = append(c.State, t.prog.Model.StateTensors("raw.", arenas[nn.WeightsBuffer])...)
	c.State = append(c.State, t.prog.Model.StateTensors("adam_m.", arenas[momentBuffer])...)
	c.State = append(c.State, t.prog.Model.StateTensors("adam_v.", arenas[varianceBuffer])...)
	c.StateInfo = map[string]string{"step": strconv.Itoa(t.step), "seed": strconv.FormatUint(t.Recipe.Train.Seed, 10),
		"config_sha256": t.Recipe.Hash(), "data": t.set.Fingerprint()}
	dir, err := t.makeDir(checkpoint.CheckpointsDir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, checkpoint.StepName(t.step))
	if err := checkpoint.Save(path, c); err != nil {
		return err
	}
	t.result.Checkpoint, t.saved = path, t.step
	if t.OnCheckpoint != nil {
		t.OnCheckpoint(t.step, path)
	}
	return checkpoint.Prune(dir, t.Recipe.Train.KeepCheckpoints)
}
