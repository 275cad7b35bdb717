package checkpoint

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/gitlfs"
)

// splitNetwork writes the tensors of network.safetensors over two files and the index, and returns the index's path.
func splitNetwork(t *testing.T, change func(weightMap map[string]string)) string {
	t.Helper()
	dir := t.TempDir()
	whole := openTest(t, filepath.Join(torchFiles, "network.safetensors"))
	names := [2]string{"m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"}
	var parts [2][]Tensor
	weightMap := map[string]string{}
	for i, name := range whole.Names() {
		info, _ := whole.Info(name)
		parts[i%2] = append(parts[i%2], Tensor{Name: name, Shape: info.Shape, Fill: func(dst []float32) error {
			return whole.ReadFloat32(name, dst)
		}})
		weightMap[name] = names[i%2]
	}
	for i, name := range names {
		if err := Write(filepath.Join(dir, name), FormatPT(), parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	change(weightMap)
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": weightMap})
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{"m.safetensors.index.json": string(text)})
	return filepath.Join(dir, "m.safetensors.index.json")
}

func TestShards(t *testing.T) {
	got := openTest(t, splitNetwork(t, func(map[string]string) {}))
	compareTensors(t, got, openTest(t, filepath.Join(torchFiles, "network.safetensors")))
}

func TestShardsRefused(t *testing.T) {
	for want, change := range map[string]func(map[string]string){
		`no "weight_map"`:             func(m map[string]string) { clear(m) },
		`"x" is not in m-00001-of`:    func(m map[string]string) { m["x"] = "m-00001-of-00002.safetensors" },
		`not beside the index`:        func(m map[string]string) { m["x"] = "../m.safetensors" },
		`is no file of tensors`:       func(m map[string]string) { m["x"] = "m.safetensors.index.json" },
		`m-00003: no such file`:       func(m map[string]string) { m["x"] = "m-00003" },
		`which the index does not ha`: func(m map[string]string) { delete(m, "conv_in.bias") },
		`"conv_in.bias" is not in m-`: func(m map[string]string) {
			m["conv_in.bias"], m["conv_in.weight"] = m["conv_in.weight"], m["conv_in.bias"]
		},
	} {
		path := splitNetwork(t, change)
		if _, err := openSource(path); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) &&
			!strings.Contains(err.Error(), "no such file") {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}

// TestGitLFSPointers puts a pointer in the place of each kind of file.
func TestGitLFSPointers(t *testing.T) {
	const pointer = "version https://git-lfs.github.com/spec/v1\n" +
		"oid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\nsize 83300\n"
	for _, name := range []string{"m.safetensors", "m.bin", "m.safetensors.index.json"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(pointer), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenWeights(path); !errors.Is(err, gitlfs.ErrPointer) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWeightsThatAreNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := Write(path, nil, []Tensor{{Name: "conv_in.bias", Shape: []int{3}, Data: []float32{0, 1, float32(bad)}}}); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWeights(path)
		if err != nil {
			t.Fatal(err)
		}
		err = w.ReadFloat32("conv_in.bias", make([]float32, 3))
		if err == nil || !strings.Contains(err.Error(), `tensor "conv_in.bias" holds `) || !strings.Contains(err.Error(), "element 2") {
			t.Errorf("%v: %v", bad, err)
		}
		w.Close()
	}
}
