package checkpoint

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint/pickle"
)

// The files under torchFiles were written by make.py in it, with PyTorch.
const torchFiles = "testdata/torch"

// bits reads a tensor as bit patterns, so that NaN and -0 are compared too.
func bits(t *testing.T, w source, name string) []uint32 {
	t.Helper()
	info, ok := w.Info(name)
	if !ok {
		t.Fatalf("%s: no tensor %q", w.Path(), name)
	}
	values := make([]float32, info.Elements())
	if err := w.ReadFloat32(name, values); err != nil {
		t.Fatal(err)
	}
	list := make([]uint32, len(values))
	for i, v := range values {
		list[i] = math.Float32bits(v)
	}
	return list
}

func openTest(t *testing.T, path string) source {
	t.Helper()
	f, err := openSource(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// compareTensors requires the same names, shapes and bits.
func compareTensors(t *testing.T, got, want source) {
	t.Helper()
	names := slices.Sorted(slices.Values(got.Names()))
	if expected := slices.Sorted(slices.Values(want.Names())); !slices.Equal(names, expected) {
		t.Fatalf("%s: tensors %v, expected %v", got.Path(), names, expected)
	}
	for _, name := range names {
		a, _ := got.Info(name)
		b, _ := want.Info(name)
		if !slices.Equal(a.Shape, b.Shape) {
			t.Errorf("%s: %q has shape %v, expected %v", got.Path(), name, a.Shape, b.Shape)
		} else if !slices.Equal(bits(t, got, name), bits(t, want, name)) {
			t.Errorf("%s: %q differs", got.Path(), name)
		}
	}
}

func TestThreeFormatsAreEqual(t *testing.T) {
	want := openTest(t, filepath.Join(torchFiles, "network.safetensors"))
	if len(want.Names()) < 50 {
		t.Fatalf("the network has %d tensors, expected at least 50", len(want.Names()))
	}
	for _, name := range []string{"network.bin", "network-legacy.bin"} {
		compareTensors(t, openTest(t, filepath.Join(torchFiles, name)), want)
	}
}

func TestViewsTypesAndWrappers(t *testing.T) {
	want := openTest(t, filepath.Join(torchFiles, "views.safetensors"))
	for _, name := range []string{"views.pt", "views-legacy.pt", "views-v4.pt"} {
		compareTensors(t, openTest(t, filepath.Join(torchFiles, name)), want)
	}
}

// TestTruncatedTorchFiles cuts files at every 97th byte: each is refused with its path.
func TestTruncatedTorchFiles(t *testing.T) {
	for _, name := range []string{"views.pt", "views-legacy.pt"} {
		data, err := os.ReadFile(filepath.Join(torchFiles, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		for n := 0; n < len(data); n += 97 {
			if err := os.WriteFile(path, data[:n], 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := openSource(path)
			if err == nil {
				f.Close()
				t.Errorf("%s: %d of %d bytes are read", name, n, len(data))
			} else if !strings.HasPrefix(err.Error(), path) {
				t.Errorf("%s: %d bytes: error %v, expected the path", name, n, err)
			}
		}
	}
}

func TestStateDictOfSeveral(t *testing.T) {
	f, err := pickle.Open(filepath.Join(torchFiles, "network.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	weights := f.Root()
	model, ema := dictOf("state_dict", weights), weights
	for _, c := range []struct {
		root any
		want string
	}{
		{weights, ""},
		{dictOf("model", model), ""},
		{dictOf("model", model, "ema", ema), "2 dicts of tensors: model.state_dict, ema;"},
		{dictOf("step", int64(3)), "no dict of tensors"},
		{int64(3), "no dict of tensors"},
		{dictOf("a", dictOf("b", dictOf("c", weights))), "no dict of tensors"},
	} {
		got, err := stateDict(c.root)
		switch {
		case c.want == "" && (err != nil || got != weights):
			t.Errorf("got %v, %v", got, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
}

func dictOf(pairs ...any) *pickle.Dict {
	d := &pickle.Dict{}
	for i := 0; i < len(pairs); i += 2 {
		d.Keys, d.Values = append(d.Keys, pairs[i]), append(d.Values, pairs[i+1])
	}
	return d
}
