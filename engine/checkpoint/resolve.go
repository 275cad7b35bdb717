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
	configFile     = "config.json"
	weightsFile    = "diffusion_pytorch_model.safetensors"
	halfFile       = "diffusion_pytorch_model.fp16.safetensors"
	pickleFile     = "diffusion_pytorch_model.bin"
	shardIndexFile = "diffusion_pytorch_model.safetensors.index.json"
	schedulerFile  = "scheduler_config.json"
	indexFile      = "model_index.json"
	stateFile      = "training_state.safetensors"
	unetDir        = "unet"
	schedulerDir   = "scheduler"
	stepPrefix     = "step-"

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
// ascending step. A folder that does not exist has none.
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
		if ok && err == nil && item.IsDir() && StepName(step) == item.Name() {
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
	Weights   string // the network's safetensors file
	Index     string // model_index.json
	Scheduler string // scheduler_config.json
	State     string // training_state.safetensors
}

// ResolveModel finds the parts of a model: path is a run directory, of which
// the latest checkpoint is taken, a checkpoint, or any diffusers directory,
// nested (unet/config.json) or flat (config.json).
func ResolveModel(path string) (*Model, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !stat.IsDir() {
		return nil, fmt.Errorf("%s: is a file, want a run, a checkpoint or a diffusers directory", path)
	}
	if isDir(filepath.Join(path, CheckpointsDir)) {
		list, err := List(filepath.Join(path, CheckpointsDir))
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%s: no complete checkpoint (no folder %sN)", filepath.Join(path, CheckpointsDir), stepPrefix)
		}
		path = list[len(list)-1].Path
	}
	m := &Model{Dir: path}
	network := path
	if nested := filepath.Join(path, unetDir); isDir(nested) {
		network = nested
	}
	m.Config = existing(network, configFile)
	if m.Config == "" {
		return nil, fmt.Errorf("%s: no %s there or in %s/: want a run, a checkpoint or a diffusers directory", path, configFile, unetDir)
	}
	m.Index = existing(path, indexFile)
	m.State = existing(path, stateFile)
	m.Scheduler = existing(path, filepath.Join(schedulerDir, schedulerFile), schedulerFile)
	m.Weights, err = findWeights(network)
	return m, err
}

// findWeights returns the safetensors file of a network's folder, or an error
// that says what lies there instead.
func findWeights(dir string) (string, error) {
	if path := existing(dir, weightsFile, halfFile); path != "" {
		return path, nil
	}
	if existing(dir, shardIndexFile) != "" {
		return "", fmt.Errorf("%s: the weights are split over several files (%s), want one %s: "+
			"save the model again with max_shard_size=\"100GB\"", dir, shardIndexFile, weightsFile)
	}
	if existing(dir, pickleFile) != "" {
		return "", fmt.Errorf("%s: the weights are only there as %s, a Python pickle, which is not read: convert them to safetensors with\n"+
			"  python3 -c \"from diffusers import UNet2DModel as M; M.from_pretrained('%s').save_pretrained('%s')\"", dir, pickleFile, dir, dir)
	}
	return "", fmt.Errorf("%s: no %s", dir, weightsFile)
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
