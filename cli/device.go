package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/unnoise/unnoise/cuda"
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
	g.device = exec.Resolve(g.device)
	return g.device
}

// limitThreads makes --threads count for Go's scheduler, too.
func (g *globals) limitThreads() {
	if g.threads > 0 {
		runtime.GOMAXPROCS(g.threads)
	}
}

// openDevice opens a GPU or the emulator.
func (g *globals) openDevice() (cuda.Device, error) {
	g.limitThreads()
	d, err := cuda.Open(g.deviceName())
	if err != nil {
		return nil, g.deviceError(err)
	}
	return d, nil
}

// deviceError puts what the user gave in front of a device's error. A profile that the emulator does not have is wrong usage.
func (g *globals) deviceError(err error) error {
	var known *cuda.Error
	switch {
	case !errors.As(err, &known):
		return err
	case known.Code == cuda.InvalidDevice && isEmulator(g.deviceName()):
		return usagef("--device %s: %s (%s)", g.deviceName(), known.Detail, known.Advice)
	}
	return fmt.Errorf("--device %s: %w", g.deviceName(), err)
}

// executor opens what --device names. auto is the type of activations that --dtype auto stands for on a GPU.
func (g *globals) executor(auto kernels.DType) (exec.Executor, kernels.DType, error) {
	switch {
	case g.onCPU() && g.dtype == "bf16":
		return nil, 0, usagef("--dtype bf16: the CPU computes in f32 only; use --dtype f32, or a GPU with --device cuda")
	case g.onCPU() || g.dtype == "f32":
		auto = kernels.F32
	case g.dtype == "bf16":
		auto = kernels.BF16
	}
	g.limitThreads()
	m, err := exec.Open(g.deviceName(), exec.Options{Workers: g.threads})
	if err != nil {
		return nil, 0, g.deviceError(err)
	}
	return m, auto, nil
}
