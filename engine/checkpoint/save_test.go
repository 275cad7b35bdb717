package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const smallConfig = `{
  "_class_name": "UNet2DModel",
  "_diffusers_version": "0.21.0",
  "in_channels": 1
}
`

// smallCheckpoint is a checkpoint whose values depend on fill.
func smallCheckpoint(t *testing.T, fill float32) *Checkpoint {
	t.Helper()
	s, err := NewScheduler(DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	values := slices.Repeat([]float32{fill}, 3000)
	c := &Checkpoint{
		Config: []byte(smallConfig), Scheduler: s,
		Weights:   []Tensor{{Name: "conv_in.weight", Shape: []int{30, 100}, Data: values}},
		StateInfo: map[string]string{"step": fmt.Sprint(fill), "seed": "0"},
	}
	for _, prefix := range []string{"raw.", "adam_m.", "adam_v."} {
		c.State = append(c.State, Tensor{Name: prefix + "conv_in.weight", Shape: []int{30, 100}, Data: values})
	}
	return c
}

// tree returns every file under dir with its contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSaveLayout(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, CheckpointsDir, StepName(20))
	if err := Save(dir, smallCheckpoint(t, 1)); err != nil {
		t.Fatal(err)
	}
	files := tree(t, run)
	want := []string{"checkpoints/step-20/checksums.sha256", "checkpoints/step-20/model_index.json", "checkpoints/step-20/scheduler/scheduler_config.json",
		"checkpoints/step-20/training_state.safetensors", "checkpoints/step-20/unet/config.json",
		"checkpoints/step-20/unet/diffusion_pytorch_model.safetensors"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("files %v", got)
	}
	index := "{\n  \"_class_name\": \"DDPMPipeline\",\n  \"_diffusers_version\": \"0.30.0\",\n  \"scheduler\": [\n    \"diffusers\",\n    \"DDPMScheduler\"\n  ],\n" +
		"  \"unet\": [\n    \"diffusers\",\n    \"UNet2DModel\"\n  ]\n}\n"
	if got := files["checkpoints/step-20/model_index.json"]; got != index {
		t.Errorf("model_index.json is\n%s", got)
	}
	other := filepath.Join(t.TempDir(), "elsewhere")
	if err := Save(other, smallCheckpoint(t, 1)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(tree(t, other), tree(t, dir)) {
		t.Error("the same checkpoint saved twice differs")
	}
}

func TestSaveReplaces(t *testing.T) {
	for name, swap := range map[string]func(a, b string) error{"exchange": exchange, "renames": exchangeByRenames} {
		dir := filepath.Join(t.TempDir(), name)
		for i, fill := range []float32{1, 2} {
			temp := dir + "-new"
			if err := osSaver.writeAll(temp, smallCheckpoint(t, fill)); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if err := os.Rename(temp, dir); err != nil {
					t.Fatal(err)
				}
			} else if err := swap(temp, dir); err != nil {
				t.Fatal(err)
			}
		}
		if step := stateStep(t, dir); step != "2" {
			t.Errorf("%s: step %s after replacing", name, step)
		}
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "m")
	for _, fill := range []float32{1, 2} {
		if err := Save(dir, smallCheckpoint(t, fill)); err != nil {
			t.Fatal(err)
		}
	}
	if items, _ := os.ReadDir(parent); len(items) != 1 || stateStep(t, dir) != "2" {
		t.Errorf("after saving twice: %v", items)
	}
}

func stateStep(t *testing.T, dir string) string {
	t.Helper()
	m, err := ResolveModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(m.State)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Metadata()["step"]
}

var errDiskFull = errors.New("no space left on device")

// fullDisk is a saver whose disk takes only budget bytes.
func fullDisk(budget int) saver {
	return saver{create: func(path string) (file, error) {
		f, err := osSaver.create(path)
		return &limitedFile{f, &budget}, err
	}}
}

type limitedFile struct {
	file
	budget *int
}

func (f *limitedFile) Write(p []byte) (int, error) {
	n := min(len(p), *f.budget)
	*f.budget -= n
	written, err := f.file.Write(p[:n])
	if err == nil && n < len(p) {
		err = errDiskFull
	}
	return written, err
}

func TestFullDiskKeepsThePreviousCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), CheckpointsDir)
	if err := Save(filepath.Join(dir, StepName(1)), smallCheckpoint(t, 1)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	total := 0
	for _, text := range before {
		total += len(text)
	}
	for _, budget := range []int{0, 1, 200, 700, 5000, 12_000, 13_500, 14_200, total / 2, total - 4097, total - 1} {
		for _, step := range []int{1, 2} { // also when replacing
			err := fullDisk(budget).save(filepath.Join(dir, StepName(step)), smallCheckpoint(t, 2))
			if !errors.Is(err, errDiskFull) {
				t.Fatalf("budget %d: error %v, want a full disk", budget, err)
			}
			if !maps.Equal(tree(t, dir), before) {
				t.Fatalf("budget %d, step %d: the folder changed", budget, step)
			}
		}
	}
	if err := fullDisk(total).save(filepath.Join(dir, StepName(2)), smallCheckpoint(t, 2)); err != nil {
		t.Errorf("a disk that just suffices: %v", err)
	}
}

func TestStaleFoldersAreIgnoredAndRemoved(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, CheckpointsDir)
	if err := Save(filepath.Join(dir, StepName(3)), smallCheckpoint(t, 3)); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, tempPrefix+StepName(9))
	for _, d := range []string{filepath.Join(stale, unetDir), filepath.Join(dir, "step-x"), filepath.Join(dir, "step-007"), filepath.Join(dir, "step-12.old")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ResolveModel(run)
	if err != nil || filepath.Base(m.Dir) != "step-3" {
		t.Fatalf("resolved to %+v, %v", m, err)
	}
	if err := Save(filepath.Join(dir, StepName(4)), smallCheckpoint(t, 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stale folder is still there: %v", err)
	}
}

func TestPruneKeepsTheLast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), CheckpointsDir)
	for _, step := range []int{5, 10, 100, 20} {
		if err := Save(filepath.Join(dir, StepName(step)), smallCheckpoint(t, float32(step))); err != nil {
			t.Fatal(err)
		}
	}
	if err := Prune(dir, 2, func(Entry) bool { return true }); err != nil {
		t.Fatal(err)
	}
	list, err := List(dir)
	if err != nil || len(list) != 2 || list[0].Step != 20 || list[1].Step != 100 {
		t.Errorf("left are %v, %v", list, err)
	}
	if items, _ := os.ReadDir(dir); len(items) != 2 {
		t.Errorf("left over: %v", items)
	}
	if err := Prune(dir, 0, func(Entry) bool { return true }); err == nil {
		t.Error("keeping none is not refused")
	}
}

func TestSaveRefusesBadInput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	c := smallCheckpoint(t, 1)
	c.State[1].Data = c.State[1].Data[1:]
	if err := Save(dir, c); err == nil || !strings.Contains(err.Error(), `training_state.safetensors: tensor "adam_m.conv_in.weight" has 2999 values`) {
		t.Errorf("short tensor: %v", err)
	}
	c = smallCheckpoint(t, 1)
	c.Config = []byte("{")
	if err := Save(dir, c); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("bad config: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused save left a folder: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(blocked, "m"), smallCheckpoint(t, 1)); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("output under a file: %v", err)
	}
}

func TestNetworkThatDiffusersLacks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	c := smallCheckpoint(t, 1)
	c.Config, c.Library = []byte("{\n  \"_class_name\": \"UnnoiseMLP\"\n}\n"), "unnoise"
	c.State, c.StateInfo = nil, nil
	if err := Save(dir, c); err != nil {
		t.Fatal(err)
	}
	files := tree(t, dir)
	if !strings.Contains(files[indexFile], "\"unnoise\",\n    \"UnnoiseMLP\"") {
		t.Errorf("model_index.json is\n%s", files[indexFile])
	}
	if _, ok := files[stateFile]; ok {
		t.Error("a training state was written for a checkpoint without one")
	}
}

func TestNestedDirectoryWrittenBackIsIdentical(t *testing.T) {
	source := t.TempDir()
	tensors := cifar10Tensors()[:40]
	for i := range tensors {
		tensors[i].Fill = func(dst []float32) error {
			for j := range dst {
				dst[j] = float32(i) + float32(j)/1024
			}
			return nil
		}
	}
	var weights bytes.Buffer
	if err := Encode(&weights, FormatPT(), tensors); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, source, map[string]string{
		"model_index.json": "{\n  \"_class_name\": \"DDPMPipeline\",\n  \"_diffusers_version\": \"0.0.4\",\n  \"scheduler\": [\n    \"diffusers\",\n    \"DDPMScheduler\"\n  ],\n" +
			"  \"unet\": [\n    \"diffusers\",\n    \"UNet2DModel\"\n  ]\n}\n",
		"unet/config.json":                         smallConfig,
		"unet/diffusion_pytorch_model.safetensors": weights.String(),
		"scheduler/scheduler_config.json":          cifar10Scheduler,
	})
	target := filepath.Join(t.TempDir(), "copy")
	if err := copyModel(source, target); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(tree(t, source), tree(t, target)) {
		t.Error("the copy differs")
	}
}

// copyModel reads a model with the package's readers and saves it.
func copyModel(source, target string) error {
	m, err := ResolveModel(source)
	if err != nil {
		return err
	}
	c := &Checkpoint{}
	if c.Scheduler, err = ReadScheduler(m.Scheduler); err != nil {
		return err
	}
	if c.Config, err = os.ReadFile(m.Config); err != nil {
		return err
	}
	if c.Index, err = os.ReadFile(m.Index); err != nil {
		return err
	}
	w, err := OpenWeights(m.Weights)
	if err != nil {
		return err
	}
	defer w.Close()
	for _, name := range w.Names() {
		shape, _ := w.Shape(name)
		c.Weights = append(c.Weights, Tensor{Name: name, Shape: shape, Fill: func(dst []float32) error { return w.ReadFloat32(name, dst) }})
	}
	return Save(target, c)
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
