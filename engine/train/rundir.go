package train

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/nn"
)

// ConfigFile is the recipe in a run directory.
const ConfigFile = "config.toml"

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// openRun makes the run directory, or finds the checkpoint to continue from.
func (t *trainer) openRun() error {
	if err := t.checkEmpty(); err != nil {
		return err
	}
	if err := os.MkdirAll(t.Out, 0o777); err != nil {
		return advised(err)
	}
	var err error
	if t.lock, err = lockRun(t.Out); err != nil {
		return advised(err)
	}
	if err := t.checkEmpty(); err != nil { // another process may have come first
		return err
	}
	if t.Resume {
		if err := t.openResume(); err != nil {
			return err
		}
	}
	if err := t.writeConfig(); err != nil {
		return advised(err)
	}
	if t.metrics, err = openMetrics(filepath.Join(t.Out, MetricsFile), t.step); err != nil {
		return err
	}
	if err := t.noteSession(); err != nil {
		return err
	}
	return t.openWatch()
}

// checkEmpty refuses a directory that holds something when a run begins, and one that does not when it goes on.
func (t *trainer) checkEmpty() error {
	entries, err := os.ReadDir(t.Out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == LockFile })
	if len(entries) > 0 && !t.Resume {
		return fmt.Errorf("%s exists and is not empty: continue it with --resume or choose another --out", t.Out)
	}
	if len(entries) == 0 && t.Resume {
		return fmt.Errorf("%s holds no run to resume", t.Out)
	}
	return nil
}

// openResume compares the recipe with the run's and takes the step of its last checkpoint.
func (t *trainer) openResume() error {
	old, err := ReadFile(filepath.Join(t.Out, ConfigFile), nil)
	if err != nil {
		return fmt.Errorf("%s cannot be resumed: %w", t.Out, err)
	}
	if changed := Changes(old, t.Recipe); len(changed) > 0 {
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

// restore writes weights and moments to the machine: the initial ones, or those of the checkpoint.
func (t *trainer) restore() error {
	m := t.prog.Model
	if t.step == 0 {
		if err := t.Machine.Write(nn.WeightsBuffer, 0, m.Weights); err != nil {
			return err
		}
		return t.Machine.Write(nn.EMABuffer, 0, m.Weights)
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
		if err := t.Machine.Write(buffer, 0, arena); err != nil {
			return err
		}
	}
	if err := m.ReadWeights(files.Weights); err != nil {
		return err
	}
	return t.Machine.Write(nn.EMABuffer, 0, m.Weights)
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
		if err := t.Machine.Read(b, 0, arenas[b]); err != nil {
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
	return checkpoint.Prune(dir, t.Recipe.Train.Keep)
}
