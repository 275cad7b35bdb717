package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The directories under golden were saved by diffusers.
const golden = "../testdata/golden"

func TestDirectoriesOfDiffusersAreIdenticalWhenWrittenBack(t *testing.T) {
	configs, err := filepath.Glob(filepath.Join(golden, "*", unetDir, configFile))
	if err != nil || len(configs) == 0 {
		t.Fatalf("no golden models: %v", err)
	}
	for _, config := range configs {
		source := filepath.Dir(filepath.Dir(config))
		target := filepath.Join(t.TempDir(), "copy")
		if err := copyModel(source, target); err != nil {
			t.Error(err)
			continue
		}
		want := tree(t, source)
		for name, text := range tree(t, target) {
			if want[name] != text {
				t.Errorf("%s: %s differs", source, name)
			}
		}
	}
}

func TestFlatDirectoryWithLegacyNames(t *testing.T) {
	m, err := ResolveModel(filepath.Join(golden, "ho"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadScheduler(m.Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(m.Scheduler); schedulerText(t, s) != string(text) {
		t.Error("the scheduler configuration changes when read and written")
	}
	raw, err := Open(m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if !slices.ContainsFunc(raw.Names(), func(n string) bool { return strings.HasSuffix(n, ".query.weight") }) {
		t.Error("the file has no legacy names: this test shows nothing")
	}
	w, err := OpenWeights(m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	grads, err := Open(filepath.Join(golden, "ho", "grads.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer grads.Close()
	var want []Tensor // gradients carry today's names
	for _, name := range grads.Names() {
		info, _ := grads.Info(name)
		want = append(want, Tensor{Name: name, Shape: info.Shape})
	}
	if err := w.Match(want); err != nil {
		t.Error(err)
	}
}
