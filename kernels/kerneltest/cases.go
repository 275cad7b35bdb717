package kerneltest

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
)

// VerifyDevice holds the CUDA variants of cases' operators to the reference on the emulator. It is for cases that an operator does
// not list: large ones, and values that the fast CPU kernels refuse.
func VerifyDevice(t *testing.T, cases ...kernels.Case) {
	t.Helper()
	d := Emulator(t, "a100")
	for _, cs := range cases {
		supported := 0
		variants := kernels.Lookup(cs.Op.Name()).Variants
		for i := range variants {
			if variants[i].Backend != "cuda" {
				continue
			}
			res, ok := d.Verify(cs, &variants[i])
			if !ok {
				continue
			}
			supported++
			if !res.OK {
				t.Errorf("%s %s %s %q %s: %s", res.Op, res.Variant, res.DType, res.Case, res.Shape, res.Error)
				d = Emulator(t, "a100") // a fault is final for a device
			}
		}
		if supported == 0 {
			t.Errorf("%s: no CUDA variant supports %q", cs.Op.Name(), cs.Name)
		}
	}
}
