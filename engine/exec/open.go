package exec

import (
	"github.com/unnoise/unnoise/cuda"
	_ "github.com/unnoise/unnoise/cuda/driver" // register
	_ "github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
)

// Options chooses how an opened executor computes.
type Options struct {
	Workers   int               // threads on the CPU; 0: one per processor
	Selection kernels.Selection // a nil Tuning on a device stands for the table at TuningPath
}

// Open returns the executor that a name stands for: "cpu"; "cuda" or "cuda:0", a GPU by its number; "emu" or "emu:a100", the emulator
// with a profile; "auto", the first GPU where one can be used, else the CPU. An error of the device is a *cuda.Error.
func Open(name string, o Options) (Executor, error) {
	name = Resolve(name)
	if name == "cpu" {
		return NewCPU(CPUOptions{Workers: o.Workers, Selection: o.Selection}), nil
	}
	dev, err := cuda.Open(name)
	if err != nil {
		return nil, err
	}
	m, err := onDevice(dev, o.Selection)
	if err != nil {
		_ = dev.Close() // the first error is the one to tell
		return nil, err
	}
	return m, nil
}

func onDevice(dev cuda.Device, s kernels.Selection) (*Device, error) {
	if s.Tuning == nil {
		var err error
		if s.Tuning, err = ReadTuning(dev.Props()); err != nil {
			return nil, err
		}
	}
	return NewDevice(dev, DeviceOptions{Selection: s})
}

// Resolve returns what "auto" stands for, "cuda:0" where the first GPU can be opened and "cpu" elsewhere; other names are their own.
func Resolve(name string) string {
	if name != "auto" {
		return name
	}
	dev, err := cuda.Open("cuda:0")
	if err != nil {
		return "cpu"
	}
	if err := dev.Close(); err != nil {
		return "cpu"
	}
	return "cuda:0"
}
