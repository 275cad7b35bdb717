package model_test

import (
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/kernels"
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

// TestGoldenOnDevice holds outputs and all gradients of the emulator to PyTorch's, in float32; in bf16 the outputs, to 3 %.
func TestGoldenOnDevice(t *testing.T) {
	names := []string{"ho", "classes", "scaleshift", "fourier", "odd", "garment", "resnet"}
	if testing.Short() {
		names = []string{"classes"}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(golden, name)
			checkGolden(t, dir, onEmulator(t))
			m, err := model.Load(dir, false)
			if err != nil {
				t.Fatal(err)
			}
			m.DType = kernels.BF16
			y, err := m.Predict(onEmulator(t), batch(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := relL2(y.Data, images(t, filepath.Join(dir, "eps.npy")).Data)
			t.Logf("bf16 output: relative L2 error %.3g", rel)
			if !(rel <= 3e-2) {
				t.Errorf("bf16 output: relative L2 error %.3g", rel)
			}
		})
	}
}
