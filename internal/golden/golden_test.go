package golden

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestKind(t *testing.T) {
	for folder, want := range map[string]string{"iddpm-schedules-open": "iddpm-schedules", "iddpm-held": "iddpm",
		"annotated-small-open": "annotated", "ho-bpd-open": "ho-bpd", "samplers": "", "weights.py": ""} {
		if got := kindOf(folder); got != want {
			t.Errorf("kind of %s is %q, expected %q", folder, got, want)
		}
	}
}

// TestGoldenRandomState holds the generator to numpy's x_T.
func TestGoldenRandomState(t *testing.T) {
	dir, given := root(t)
	want := Lookup(t, dir, "samplers", "x_T.npy")
	if want == nil {
		missing(t, given, dir, "samplers")
	}
	got := make([]float64, len(want.Data))
	NewRandomState(0).Normals(got)
	if worst := Worst(got, want.Data); worst > 1e-14 {
		t.Errorf("normals differ by %g", worst)
	}
}

// TestGoldenWeights holds the rule to every case that ships a weights file beside its seed.
func TestGoldenWeights(t *testing.T) {
	Cases(t, "annotated", func(t *testing.T, dir string) {
		file := filepath.Join(dir, "weights.safetensors")
		data, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			t.Skip("no weights file")
		}
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Shapes  map[string][]int
			Weights struct{ Seed uint32 }
		}
		ReadJSON(t, &c, dir, "case.json")
		n := binary.LittleEndian.Uint64(data)
		var header map[string]struct {
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(data[8:8+n], &header); err != nil {
			t.Fatal(err)
		}
		body := data[8+n:]
		for name, got := range Weights(c.Shapes, c.Weights.Seed) {
			h, ok := header[name]
			want := make([]float32, (h.Offsets[1]-h.Offsets[0])/4)
			if _, err := binary.Decode(body[h.Offsets[0]:h.Offsets[1]], binary.LittleEndian, want); err != nil || !ok {
				t.Fatalf("%s: %v", name, err)
			}
			for i, w := range want {
				if got[i] != w {
					t.Fatalf("%s[%d] is %v, expected %v", name, i, got[i], w)
				}
			}
		}
	})
}

func TestRandomSample(t *testing.T) {
	// numpy.random.RandomState(5489).random_sample() starts with the first words of the reference MT19937: 3499211612, 581869302.
	if got, want := NewRandomState(5489).Float64(), float64(3499211612>>5<<26+581869302>>6)/(1<<53); got != want {
		t.Errorf("first number is %v, expected %v", got, want)
	}
}
