package sample_test

import (
	"context"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

func onEmulator(t *testing.T) exec.Executor {
	t.Helper()
	d, err := emu.Open("")
	if err != nil {
		t.Fatal(err)
	}
	mach, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mach.Close() })
	return mach
}

// TestGuidanceOnDevice holds guided samples of the emulator, with noise from the host and from the kernel, to the CPU's.
func TestGuidanceOnDevice(t *testing.T) {
	m := conditional(t, true)
	const n, weight = 5, 2.5
	eta := 0.5
	table, err := sample.Table(m, sample.Method{Name: "ddim", Steps: 4, Eta: &eta, UseClippedModelOutput: true})
	if err != nil {
		t.Fatal(err)
	}
	labels, noise := []int32{0, 1, 2, 1, 0}, model.NewImages(n, m.H, m.W, m.C)
	rng.FillNormal(noise.Data, 9, 0, 0, 1)
	draw := func(mach exec.Executor, batch int) *model.Images {
		x, err := sample.Draw(context.Background(), m, mach, sample.Options{N: n, Batch: batch, Noise: noise, Table: table, Guidance: weight, Labels: labels, Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want := draw(exec.NewCPU(exec.CPUOptions{}), n)
	mach := onEmulator(t)
	same(t, "emulator", draw(mach, n), want, 1e-4)
	same(t, "emulator, batches of 2", draw(mach, 2), want, 1e-4)
	m.DType = kernels.BF16
	same(t, "bf16", draw(mach, 2), want, 5e-2)
}
