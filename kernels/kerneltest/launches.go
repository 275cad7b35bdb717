package kerneltest

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Reach is a case and a CUDA variant that runs it, with the kernels that it launches as "module/kernel", each once.
type Reach struct {
	Case    kernels.Case
	Variant *kernels.Variant
	Kernels []string
}

// Reached lists what the CUDA variants of an operator launch for its cases, in both types. Nothing is run.
func Reached(t testing.TB, name string) []Reach {
	t.Helper()
	f := kernels.Lookup(name)
	if f == nil {
		t.Fatalf("operator %s is not registered", name)
	}
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	r := &recorder{Device: d}
	c, err := check.NewDevice(gpu.NewLibraryFrom(r, func(string) ([]byte, error) { return nil, nil }))
	if err != nil {
		t.Fatal(err)
	}
	var list []Reach
	for i := range f.Variants {
		v := &f.Variants[i]
		if v.Backend != "cuda" {
			continue
		}
		for _, cs := range DeviceCases(f.Op) {
			launches, err := c.Count(cs, v)
			if err != nil {
				continue // not supported; RunDevice reports what fails
			}
			reach := Reach{Case: cs, Variant: v}
			seen := map[string]bool{}
			for _, l := range launches {
				if !seen[l.Kernel] {
					reach.Kernels = append(reach.Kernels, l.Kernel)
				}
				seen[l.Kernel] = true
			}
			list = append(list, reach)
		}
	}
	return list
}

// Entries lists the kernels of PTX text in its order.
func Entries(text []byte) []string {
	var names []string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if _, rest, ok := strings.Cut(s.Text(), ".entry "); ok {
			name, _, _ := strings.Cut(rest, "(")
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// recorder is a device that notes launches and runs nothing.
type recorder struct {
	cuda.Device
	launches []cuda.LaunchCounters
}

func (r *recorder) LoadModule(name string, _ []byte) (cuda.Module, error) {
	return recordedModule(strings.TrimSuffix(name, ".ptx")), nil
}

func (r *recorder) NewStream() (cuda.Stream, error) { return recordedStream{r: r}, nil }

// StartCounting implements cuda.Profiler.
func (r *recorder) StartCounting() { r.launches = nil }

// StopCounting implements cuda.Profiler.
func (r *recorder) StopCounting() []cuda.LaunchCounters { return r.launches }

type recordedModule string

func (m recordedModule) Function(name string) (cuda.Function, error) {
	return recordedFunction(string(m) + "/" + name), nil
}

func (m recordedModule) Global(name string) (cuda.DevicePtr, int64, error) {
	return 0, 0, fmt.Errorf("variable %s of %s: nothing is loaded", name, string(m))
}

func (recordedModule) Close() error { return nil }

type recordedFunction string

func (f recordedFunction) Name() string                { return string(f) }
func (recordedFunction) SetMaxDynamicShared(int) error { return nil }
func (recordedFunction) Attributes() cuda.FuncAttributes {
	return cuda.FuncAttributes{MaxThreadsPerBlock: 1024}
}
func (recordedFunction) Occupancy(int, int) (int, error) { return 1, nil }

// recordedStream offers what check uses of a stream.
type recordedStream struct {
	cuda.Stream
	r *recorder
}

func (s recordedStream) Launch(f cuda.Function, _ cuda.Launch) error {
	s.r.launches = append(s.r.launches, cuda.LaunchCounters{Kernel: f.Name()})
	return nil
}

func (recordedStream) Synchronize() error { return nil }
func (recordedStream) Close() error       { return nil }
