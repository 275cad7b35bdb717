package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/cuda"
	_ "github.com/unnoise/unnoise/cuda/emu" // register
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/kernels"
)

// checkDevice refuses names that no device can have.
func checkDevice(name string) error {
	kind, arg, found := strings.Cut(name, ":")
	if _, err := strconv.ParseUint(arg, 10, 31); kind == "cuda" && arg != "" && err != nil {
		return usagef("--device %s: %q is not the number of a GPU (write cuda:0 for the first)", name, arg)
	}
	switch {
	case (name == "auto" || name == "cpu") && !found:
		return nil
	case (kind == "cuda" || kind == "emu") && (!found || arg != ""):
		return nil
	}
	return usagef("--device %q: want auto, cpu, cuda, cuda:INDEX, emu or emu:PROFILE", name)
}

func checkDType(name string) error {
	switch name {
	case "auto", "f32", "bf16":
		return nil
	}
	return usagef("--dtype %q: want auto, f32 or bf16", name)
}

// isEmulator reports whether a device's name is the emulator's.
func isEmulator(name string) bool {
	kind, _, _ := strings.Cut(name, ":")
	return kind == "emu"
}

// onCPU reports whether the processor computes.
func (g *globals) onCPU() bool { return g.deviceName() == "cpu" }

// deviceName resolves auto: the first GPU that can be opened, else the processor.
func (g *globals) deviceName() string {
	if g.device == "auto" {
		g.device = "cpu"
		if ok, _ := probeCUDA(); ok {
			g.device = "cuda:0"
		}
	}
	return g.device
}

// openDevice opens a GPU or the emulator.
func (g *globals) openDevice() (cuda.Device, error) {
	if g.threads > 0 {
		runtime.GOMAXPROCS(g.threads)
	}
	d, err := cuda.Open(g.deviceName())
	var known *cuda.Error
	if errors.As(err, &known) && known.Code == cuda.InvalidDevice && isEmulator(g.deviceName()) {
		return nil, usagef("--device %s: %s (%s)", g.deviceName(), known.Detail, known.Advice)
	}
	if err != nil {
		return nil, fmt.Errorf("--device %s: %w", g.deviceName(), err)
	}
	if err := useTable(d.Props()); err != nil {
		_ = d.Close() // the first error is the one to tell
		return nil, err
	}
	return d, nil
}

// machine opens what --device names. auto is the type of activations that --dtype auto stands for on a GPU.
func (g *globals) machine(auto kernels.DType) (exec.Executor, kernels.DType, error) {
	if g.onCPU() {
		if g.dtype == "bf16" {
			return nil, 0, usagef("--dtype bf16: the CPU computes in f32 only; use --dtype f32, or a GPU with --device cuda")
		}
		if g.threads > 0 {
			runtime.GOMAXPROCS(g.threads)
		}
		return exec.NewCPU(exec.CPUOptions{Workers: g.threads}), kernels.F32, nil
	}
	switch g.dtype {
	case "f32":
		auto = kernels.F32
	case "bf16":
		auto = kernels.BF16
	}
	d, err := g.openDevice()
	if err != nil {
		return nil, 0, err
	}
	m, err := exec.NewDevice(d)
	if err != nil {
		_ = d.Close() // the first error is the one to tell
		return nil, 0, err
	}
	return m, auto, nil
}
