package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names inside a diffusers directory and a run directory.
const (
	configFile    = "config.json"
	weightsFile   = "diffusion_pytorch_model.safetensors"
	schedulerFile = "scheduler_config.json"
	indexFile     = "model_index.json"
	stateFile     = "training_state.safetensors"
	unetDir       = "unet"
	emaDir        = "unet_ema"
	schedulerDir  = "scheduler"
	stepPrefix    = "step-"

	// CheckpointsDir is the folder of a run directory that holds its
	// checkpoints, each named by StepName.
	CheckpointsDir = "checkpoints"
)

// StepName returns the name of the checkpoint of an optimizer step: "step-20".
func StepName(step int) string { return stepPrefix + strconv.Itoa(step) }

// Entry is one complete checkpoint of a run.
type Entry struct {
	Step int
	Path string
}

// List returns the complete checkpoints in a run's checkpoints folder by
// ascending step, links among them. A folder that does not exist has none.
func List(dir string) ([]Entry, error) {
	items, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, item := range items {
		digits, ok := strings.CutPrefix(item.Name(), stepPrefix)
		step, err := strconv.Atoi(digits)
		if ok && err == nil && (item.IsDir() || item.Type()&fs.ModeSymlink != 0) && StepName(step) == item.Name() {
			list = append(list, Entry{Step: step, Path: filepath.Join(dir, item.Name())})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Step, b.Step) })
	return list, nil
}

// Model is where the parts of a model lie. Paths of absent parts are empty.
type Model struct {
	Dir       string // the diffusers directory
	Config    string // config.json of the network
	Weights   string // the network's weights, see OpenWeights
	Index     string // model_index.json
	Scheduler string // scheduler_config.json
	State     string // training_state.safetensors

	// Notes say what was taken where the directory left a choice, a sentence each.
	Notes []string
}

// ResolveModel is ResolveVariant of the plain weights.
func ResolveModel(path string) (*Model, error) { return ResolveVariant(path, "") }

// ResolveVariant finds the parts of a model: path is a run directory, of which the latest
// checkpoint is taken, a checkpoint, any diffusers directory, nested (unet/config.json, or
// unet_ema/ where there is no unet/) or flat (config.json), or the network's folder of a nested
// one. The variant is that of the weights' name, such as fp16; "" takes the plain weights, or the
// only variant.
func ResolveVariant(path, variant string) (*Model, error) {
	for try := 1; ; try++ {
		dir, notes, err := latestCheckpoint(path)
		if err != nil {
			return nil, err
		}
		m, err := resolveIn(dir, variant, notes)
		if try == mostTries || !m.PrunedFrom(path) {
			return m, err
		}
	}
}

// mostTries bounds how often a run's newest checkpoint is looked for when it is pruned meanwhile.
const mostTries = 200

// PrunedFrom reports whether a checkpoint that was found in a run has been removed since, because there are newer ones.
func (m *Model) PrunedFrom(run string) bool { return m.Dir != run && removed(m.Dir) }

func removed(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// ReadResolved resolves a model and has read read it, again with a newer checkpoint when the one
// that was found is pruned meanwhile.
func ReadResolved(path, variant string, read func(*Model) error) error {
	for try := 1; ; try++ {
		m, err := ResolveVariant(path, variant)
		if err != nil {
			return err
		}
		err = read(m)
		if try == mostTries || !m.PrunedFrom(path) {
			return err
		}
	}
}

// resolveIn finds the parts of the model in a directory. The result is never nil.
func resolveIn(path, variant string, notes []string) (*Model, error) {
	m := &Model{Dir: path, Notes: notes}
	network := m.findNetwork()
	m.Config = existing(network, configFile)
	if m.Config == "" {
		return m, fmt.Errorf("%s: no %s there or in %s/: want a run, a checkpoint or a diffusers directory", path, configFile, unetDir)
	}
	m.Index = existing(path, indexFile)
	m.State = existing(path, stateFile)
	m.Scheduler = existing(path, filepath.Join(schedulerDir, schedulerFile), schedulerFile)
	if network == path && m.Scheduler == "" {
		m.lookBeside()
	}
	weights, note, err := findWeights(network, variant)
	m.Weights = weights
	if note != "" {
		m.Notes = append(m.Notes, note)
	}
	return m, err
}

// latestCheckpoint returns the newest whole checkpoint of a run directory, and any other directory
// itself once it is verified.
func latestCheckpoint(path string) (dir string, notes []string, err error) {
	stat, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if !stat.IsDir() {
		return "", nil, fmt.Errorf("%s: is a file, want a run, a checkpoint or a diffusers directory", path)
	}
	folder := filepath.Join(path, CheckpointsDir)
	if !isDir(folder) {
		return path, nil, verifyNamed(path)
	}
	entry, notes, err := Newest(folder)
	if err != nil {
		return "", nil, err
	}
	if entry == nil {
		return "", nil, fmt.Errorf("%s: no complete checkpoint (no folder %sN)", folder, stepPrefix)
	}
	return entry.Path, notes, nil
}

// verifyNamed verifies a directory that was named, if it has checksums.
func verifyNamed(path string) error {
	if existing(path, checksumsFile) == "" {
		return nil
	}
	return Verify(path)
}

// findNetwork returns the folder of the network.
func (m *Model) findNetwork() string {
	nested, average := filepath.Join(m.Dir, unetDir), filepath.Join(m.Dir, emaDir)
	switch {
	case isDir(nested) && isDir(average):
		m.Notes = append(m.Notes, fmt.Sprintf("%s/ is taken; the moving average of its weights is in %s", nested, average))
		return nested
	case isDir(nested):
		return nested
	case isDir(average):
		m.Notes = append(m.Notes, fmt.Sprintf("%s has no %s/, so %s/ is taken", m.Dir, unetDir, emaDir))
		return average
	}
	return m.Dir
}

// lookBeside takes scheduler and index of the directory around a network's folder, unet/ or unet_ema/.
func (m *Model) lookBeside() {
	whole, err := filepath.Abs(m.Dir)
	if err != nil {
		return
	}
	if base := filepath.Base(whole); base != unetDir && base != emaDir {
		return
	}
	around := filepath.Join(m.Dir, "..")
	m.Scheduler = existing(around, filepath.Join(schedulerDir, schedulerFile))
	m.Index = existing(around, indexFile)
	if m.Scheduler != "" {
		m.Notes = append(m.Notes, fmt.Sprintf("the scheduler is that of %s", m.Scheduler))
	}
}

// existing returns the path of the first name that is a file in dir, or "".
func existing(dir string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if stat, err := os.Stat(path); err == nil && stat.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func isDir(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir()
}
