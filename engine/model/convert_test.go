package model_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/model"
)

// torchFiles holds a small network in the formats of safetensors and of torch.save.
const torchFiles = "../checkpoint/testdata/torch"

// Files of a directory of diffusers; those that begin with network are read from torchFiles.
const (
	ddpmText  = `{"_class_name": "DDPMScheduler", "beta_start": 0.0001, "num_train_timesteps": 1000}`
	indexText = `{"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}`
)

// layout writes a directory of files given as text, or as the name of a file of torchFiles.
func layout(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		data := []byte(text)
		if from := filepath.Join(torchFiles, text); text[0] != '{' {
			var err error
			if data, err = os.ReadFile(from); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents reads all files under a directory.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestConvert(t *testing.T) {
	const weights = "diffusion_pytorch_model"
	want := contents(t, layout(t, map[string]string{"model_index.json": indexText, "scheduler/scheduler_config.json": ddpmText,
		"unet/config.json": "config.json", "unet/" + weights + ".safetensors": "network.safetensors"}))
	for name, c := range map[string]struct {
		files   map[string]string
		changes []string
	}{
		"plain": {map[string]string{"model_index.json": indexText, "scheduler/scheduler_config.json": ddpmText,
			"unet/config.json": "config.json", "unet/" + weights + ".safetensors": "network.safetensors"}, nil},
		"flat zip": {map[string]string{"model_index.json": indexText, "scheduler_config.json": ddpmText,
			"config.json": "config.json", weights + ".bin": "network.bin"}, []string{"move to unet/", weights + ".bin becomes"}},
		"legacy variant": {map[string]string{"model_index.json": indexText, "scheduler/scheduler_config.json": ddpmText,
			"unet/config.json": "config.json", "unet/" + weights + ".non_ema.bin": "network-legacy.bin"},
			[]string{`the variant "non_ema" is taken`, weights + ".non_ema.bin becomes"}},
		"moving average": {map[string]string{"model_index.json": indexText, "scheduler/scheduler_config.json": ddpmText,
			"unet_ema/config.json": "config.json", "unet_ema/model.pth": "network.bin"},
			[]string{"unet_ema/ is taken", "model.pth is taken", "model.pth becomes"}},
	} {
		out := filepath.Join(t.TempDir(), "plain")
		done, err := model.Convert(layout(t, c.files), out, model.LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := contents(t, out); !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: wrote %v, expected the bytes of %v", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		if len(done.Changes) != len(c.changes) {
			t.Errorf("%s: changes %q, expected %d", name, done.Changes, len(c.changes))
			continue
		}
		for i, text := range c.changes {
			if !strings.Contains(done.Changes[i], text) {
				t.Errorf("%s: change %q, expected one with %q", name, done.Changes[i], text)
			}
		}
	}
}

// TestConvertKeepsAnyScheduler converts a directory whose scheduler is of another class, and a network alone.
func TestConvertKeepsAnyScheduler(t *testing.T) {
	const scheduler = `{"_class_name": "SomeNewScheduler", "secret": [1, 2.50]}`
	out := filepath.Join(t.TempDir(), "plain")
	in := layout(t, map[string]string{"scheduler_config.json": scheduler, "config.json": "config.json",
		"diffusion_pytorch_model.safetensors": "network.safetensors"})
	if _, err := model.Convert(in, out, model.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	got := contents(t, out)
	if string(got["scheduler/scheduler_config.json"]) != scheduler || !bytes.Contains(got["model_index.json"], []byte("SomeNewPipeline")) {
		t.Errorf("scheduler %q, index %q", got["scheduler/scheduler_config.json"], got["model_index.json"])
	}
	if _, err := model.Convert(in, out, model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a directory that exists: %v", err)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	in = layout(t, map[string]string{"config.json": "config.json", "diffusion_pytorch_model.safetensors": "network.safetensors"})
	done, err := model.Convert(in, alone, model.LoadOptions{})
	if err != nil || len(contents(t, alone)) != 2 || !strings.Contains(strings.Join(done.Changes, "\n"), "no scheduler is written") {
		t.Errorf("network alone: %+v, %v", done, err)
	}
}

// TestConvertOfPipelines refuses to drop a part of a pipeline, and converts its network where that is named.
func TestConvertOfPipelines(t *testing.T) {
	in := layout(t, map[string]string{
		"model_index.json":                `{"_class_name": "LDMPipeline", "unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"], "safety": [null, null]}`,
		"scheduler/scheduler_config.json": ddpmText, "unet/config.json": "config.json",
		"unet/diffusion_pytorch_model.safetensors": "network.safetensors"})
	out := filepath.Join(t.TempDir(), "plain")
	if _, err := model.Convert(in, out, model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), `has a "vqvae"`) {
		t.Errorf("a pipeline with a vqvae: %v", err)
	}
	if _, err := model.Convert(filepath.Join(in, "unet"), out, model.LoadOptions{}); err != nil || len(contents(t, out)) != 2 {
		t.Errorf("its network: %v", err)
	}
}
