package model_test

import (
	"math"
	"testing"
	"time"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/kernels/rng"
)

// TestCIFAR10OnDevice predicts one image with the network of Ho et al. 2020 (35.7 M parameters) in float32 on the emulator and on the CPU.
// The output layer is drawn as large as the others: it would begin at almost zero.
func TestCIFAR10OnDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("6.2 G multiply-adds on the emulator take minutes")
	}
	r, err := recipe.Preset("cifar10", nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params.All() {
		if len(p.Shape) < 2 {
			continue
		}
		values := make([]float32, p.Elements())
		rng.FillNormal(values, 3, 0, 0, rng.StreamID(p.Name))
		for i := range values {
			values[i] *= float32(1 / math.Sqrt(float64(p.Elements()/p.Shape[0])))
		}
		p.Put(m.Weights, values)
	}
	x := model.NewImages(1, m.H, m.W, m.C)
	rng.FillNormal(x.Data, 4, 0, 0, 0)
	batch := model.Batch{X: x, T: []float32{500}}
	want, err := m.Predict(exec.NewCPU(exec.CPUOptions{}), batch)
	if err != nil {
		t.Fatal(err)
	}
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	mach, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer mach.Close()
	began := time.Now()
	got, err := m.Predict(mach, batch)
	if err != nil {
		t.Fatal(err)
	}
	var diff, size float64
	for i, w := range want.Data {
		diff += math.Pow(float64(got.Data[i]-w), 2)
		size += math.Pow(float64(w), 2)
	}
	relative := math.Sqrt(diff / size)
	t.Logf("%d parameters, one image: %.0f s on the emulator, relative L2 difference %.2g", m.Params.Count(), time.Since(began).Seconds(), relative)
	if !(relative <= 1e-4) {
		t.Errorf("relative L2 difference %g from the CPU", relative)
	}
}
