package sample_test

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
)

// TestLaunches: a step of any sampler is one graph of as many launches as a step of ddpm; thresholding takes one more.
func TestLaunches(t *testing.T) {
	m, err := model.Load(directory(t, `{"_class_name": "DDPMScheduler", "clip_sample": false}`), false)
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
	want := launches(t, mach, d.(cuda.Profiler), m, sample.Method{Name: "ddpm", Steps: 2})
	if want == 0 {
		t.Fatal("a step of ddpm launches nothing")
	}
	edm, err := model.Load(directory(t, `{"_class_name": "EDMEulerScheduler"}`), false)
	if err != nil {
		t.Fatal(err)
	}
	names := sampler.Names()
	if testing.Short() {
		names = []string{"ddim", "dpmpp-2m", "unipc"}
	}
	for _, name := range names {
		net := m
		if s, err := sampler.Lookup(name); err != nil {
			t.Fatal(err)
		} else if s.Preconditioned {
			net = edm
		}
		if n := launches(t, mach, d.(cuda.Profiler), net, sample.Method{Name: name, Steps: 4}); n != want {
			t.Errorf("%s: %d launches a step, %d for ddpm", name, n, want)
		}
	}
	if m, err = model.Load(directory(t, `{"_class_name": "DDPMScheduler", "thresholding": true}`), false); err != nil {
		t.Fatal(err)
	}
	if n := launches(t, mach, d.(cuda.Profiler), m, sample.Method{Steps: 2}); n != want+1 {
		t.Errorf("thresholding: %d launches a step, want %d", n, want+1)
	}
}

// launches counts those of a method's first step.
func launches(t *testing.T, mach *exec.Device, p cuda.Profiler, m *model.Model, method sample.Method) int {
	t.Helper()
	table, err := sample.Table(m, method)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := sample.ModelChain(m, mach, table, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	if _, err := chain.Start(1, 0); err != nil {
		t.Fatal(err)
	}
	if err := mach.Synchronize(); err != nil {
		t.Fatal(err)
	}
	p.StartCounting()
	if err := chain.StepRunner().Run(&kernels.StepState{Seed: 1, LossScale: 1}); err != nil {
		t.Fatal(err)
	}
	if err := mach.Synchronize(); err != nil {
		t.Fatal(err)
	}
	return len(p.StopCounting())
}
