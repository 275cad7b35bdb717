package kerneltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/check"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Emulator opens an emulated device with the shipped kernels for one test.
func Emulator(t testing.TB, profile string) *check.Device {
	t.Helper()
	d, err := emu.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return deviceOf(t, gpu.NewLibrary(d))
}

func deviceOf(t testing.TB, lib *gpu.Library) *check.Device {
	t.Helper()
	c, err := check.NewDevice(lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// DeviceCases lists an operator's cases in float32 and, where it has them, in bf16.
func DeviceCases(op kernels.Operator) []kernels.Case {
	var list []kernels.Case
	for _, cs := range op.Cases() {
		list = append(list, cs)
		if half, ok := cs.InBF16(); ok {
			list = append(list, half)
		}
	}
	return list
}

// shortRuns is how many cases of each type a variant runs in short tests before it leaves the others to other variants.
const shortRuns = 3

// RunDevice holds the CUDA variants of an operator to the reference on the emulator, in both types. Each variant must support a case,
// and each case must have a variant. Long tests run every variant on every case that it supports. Short tests run every case on one
// variant at least, that which has run least, and every variant on its three smallest cases of each type.
func RunDevice(t *testing.T, name string) {
	t.Helper()
	f := kernels.Lookup(name)
	if f == nil {
		t.Fatalf("operator %s is not registered", name)
	}
	d := Emulator(t, "a100")
	runs := map[*kernels.Variant]map[string]int{} // by type
	var variants []*kernels.Variant
	for i := range f.Variants {
		if v := &f.Variants[i]; v.Backend == "cuda" {
			variants = append(variants, v)
			runs[v] = map[string]int{}
		}
	}
	cases := DeviceCases(f.Op)
	slices.SortStableFunc(cases, func(a, b kernels.Case) int { return elements(a) - elements(b) })
	for _, cs := range cases {
		dtype, expected := check.CaseType(cs), check.Expect(cs)
		supported := len(variants) == 0
		order := slices.Clone(variants)
		slices.SortStableFunc(order, func(a, b *kernels.Variant) int { return runs[a][dtype] - runs[b][dtype] })
		for _, v := range order {
			if testing.Short() && supported && runs[v][dtype] >= shortRuns {
				continue
			}
			fault := false
			t.Run(fmt.Sprintf("%d/%s/%s", v.Number, dtype, cs.Name), func(t *testing.T) {
				res, ok := d.VerifyExpected(expected, v)
				if !ok {
					t.Skip(res.Error)
				}
				supported = true
				runs[v][dtype]++
				if !res.OK {
					fault = true
					t.Errorf("%s %s (%s): %s", res.Op, res.Shape, v.Name, res.Error)
				}
			})
			if fault {
				d = Emulator(t, "a100") // a fault is final for a device
			}
		}
		if !supported {
			t.Errorf("%s: no CUDA variant supports case %q in %s", name, cs.Name, dtype)
		}
	}
	for _, v := range variants {
		if len(runs[v]) == 0 {
			t.Errorf("%s variant %s/%d supports none of the cases", name, v.Backend, v.Number)
		}
	}
}

// Count returns the counters of the launches of an operator's CUDA variant (by number) on a case, on the emulator.
func Count(t testing.TB, cs kernels.Case, number int) []cuda.LaunchCounters {
	t.Helper()
	f := kernels.Lookup(cs.Op.Name())
	for i := range f.Variants {
		if v := &f.Variants[i]; v.Backend == "cuda" && v.Number == number {
			c, err := Emulator(t, "a100").Count(cs, v)
			if err != nil {
				t.Fatal(fmt.Errorf("%s variant %d: %w", cs.Op.Name(), number, err))
			}
			return c
		}
	}
	t.Fatalf("%s has no CUDA variant %d", cs.Op.Name(), number)
	return nil
}

// Traffic sums the bytes of the 32-byte sectors of device memory that launches touched.
func Traffic(counters []cuda.LaunchCounters) int64 {
	var sectors int64
	for _, c := range counters {
		sectors += c.Global.LoadSectors + c.Global.StoreSectors
	}
	return 32 * sectors
}
