package sample_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/internal/golden"
)

// peers holds a small UNet2DModel and what diffusers' schedulers draw with it; bench/peers/scheduler_goldens.py writes it.
const peers = "testdata/schedulers"

// directory makes a diffusers directory of the network and a scheduler's file.
func directory(t *testing.T, scheduler string) string {
	t.Helper()
	dir := t.TempDir()
	full, err := filepath.Abs(filepath.Join(peers, "unet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(full, filepath.Join(dir, "unet")); err != nil {
		t.Fatal(err)
	}
	if scheduler != "" {
		writeScheduler(t, dir, scheduler)
	}
	return dir
}

func writeScheduler(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "scheduler"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scheduler", "scheduler_config.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDirectoriesSampleAsDiffusers draws with directories of every class as their own schedulers say, from diffusers' noise.
func TestDirectoriesSampleAsDiffusers(t *testing.T) {
	entries, err := os.ReadDir(peers)
	if err != nil {
		t.Fatal(err)
	}
	device := onEmulator(t)
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "unet" {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			folder := filepath.Join(peers, e.Name())
			var c struct {
				Steps int
				Noisy bool
			}
			golden.ReadJSON(t, &c, folder, "case.json")
			text, err := os.ReadFile(filepath.Join(folder, "scheduler_config.json"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.Load(directory(t, string(text)), false)
			if err != nil {
				t.Fatal(err)
			}
			table, err := sample.Table(m, sample.Method{Steps: c.Steps})
			if err != nil {
				t.Fatal(err)
			}
			want := images(t, filepath.Join(folder, "y.npy"))
			tolerance := 1e-4
			if table.Clip > 0 || table.Threshold != nil {
				tolerance = 1e-3
			}
			cpu := drawPeer(t, exec.NewCPU(exec.CPUOptions{}), m, sample.Options{Table: table}, c.Noisy)
			same(t, "diffusers", cpu, want, tolerance)
			t.Logf("relative L2 error %.2g", relL2(cpu.Data, want.Data))
			if !testing.Short() || e.Name() == "unipc" || e.Name() == "ddim-thresholding" {
				same(t, "the emulator", drawPeer(t, device, m, sample.Options{Table: table}, c.Noisy), cpu, 1e-4)
			}
		})
	}
}

// drawPeer draws from diffusers' noise, and with its noise of steps where the scheduler draws some.
func drawPeer(t *testing.T, mach exec.Executor, m *model.Model, o sample.Options, noisy bool) *model.Images {
	t.Helper()
	o.Noise = images(t, filepath.Join(peers, "x_T.npy"))
	o.N = o.Noise.N
	if noisy {
		state, z := golden.NewRandomState(1), make([]float64, len(o.Noise.Data))
		o.Z = func(_, _ int, dst *model.Images) error {
			state.Normals(z)
			rowsOfPixels(dst.Data, z, []int{dst.N, dst.C, dst.H, dst.W})
			return nil
		}
	}
	x, err := sample.Draw(context.Background(), m, mach, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
