package model_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/npy"
)

const golden = "../testdata/golden"

func array(t *testing.T, path string) *tensor.Dense {
	t.Helper()
	d, err := npy.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func images(t *testing.T, path string) *model.Images {
	t.Helper()
	m, err := model.FromDense(array(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// batch reads a golden directory's inputs.
func batch(t *testing.T, dir string) model.Batch {
	t.Helper()
	b := model.Batch{X: images(t, filepath.Join(dir, "x.npy"))}
	ts, err := model.Integers(array(t, filepath.Join(dir, "t.npy")))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range ts {
		b.T = append(b.T, float32(v))
	}
	path := filepath.Join(dir, "labels.npy")
	if _, err := os.Stat(path); err != nil {
		return b
	}
	labels := array(t, path)
	if v, ok := labels.Data().([]float32); ok {
		b.Vectors = map[string][]float32{"labels": v}
		return b
	}
	if b.Labels, err = model.Integers(labels); err != nil {
		t.Fatal(err)
	}
	return b
}

func relL2(got, want []float32) (rel, norm float64) {
	var e, s float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		e += d * d
		s += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(e / s), math.Sqrt(s)
}

// TestGolden holds outputs and all gradients to PyTorch's for seven configurations, on the fast kernels and on the reference.
func TestGolden(t *testing.T) {
	for _, name := range []string{"ho", "classes", "scaleshift", "fourier", "odd", "garment", "resnet"} {
		for _, opt := range []exec.CPUOptions{{Workers: 2, Poison: true}, {Double: true}} {
			mode := "fast"
			if opt.Double {
				mode = "reference"
			}
			t.Run(name+"/"+mode, func(t *testing.T) {
				checkGolden(t, filepath.Join(golden, name), exec.NewCPU(opt))
			})
		}
	}
}

func checkGolden(t *testing.T, dir string, mach exec.Executor) {
	m, err := model.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	y, _, grads, err := m.Gradients(mach, batch(t, dir), images(t, filepath.Join(dir, "target.npy")))
	if err != nil {
		t.Fatal(err)
	}
	if rel, _ := relL2(y.Data, images(t, filepath.Join(dir, "eps.npy")).Data); !(rel <= 1e-4) {
		t.Errorf("output: relative L2 error %.3g", rel)
	} else {
		t.Logf("output: relative L2 error %.3g", rel)
	}
	want, err := checkpoint.Open(filepath.Join(dir, "grads.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	compareGradients(t, grads, want)
}

func compareGradients(t *testing.T, grads []checkpoint.Tensor, want *checkpoint.File) {
	t.Helper()
	if len(grads) != len(want.Names()) {
		t.Errorf("%d gradient tensors, want %d", len(grads), len(want.Names()))
	}
	global, worst := 0.0, 0.0
	ref := map[string][]float32{}
	for _, g := range grads {
		info, ok := want.Info(g.Name)
		if !ok || info.Elements() != len(g.Data) {
			t.Fatalf("gradient %q: no such tensor of %d elements", g.Name, len(g.Data))
		}
		ref[g.Name] = make([]float32, len(g.Data))
		if err := want.ReadFloat32(g.Name, ref[g.Name]); err != nil {
			t.Fatal(err)
		}
		for _, x := range ref[g.Name] {
			global += float64(x) * float64(x)
		}
	}
	global = math.Sqrt(global)
	for _, g := range grads {
		rel, norm := relL2(g.Data, ref[g.Name])
		if norm < 1e-6*global {
			rel *= norm / global
		}
		worst = math.Max(worst, rel)
		if !(rel <= 1e-4) {
			t.Errorf("gradient %s: relative L2 error %.3g", g.Name, rel)
		}
	}
	t.Logf("gradients: worst relative L2 error %.3g of %d tensors", worst, len(grads))
}
