package embed

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestLookupOutsideTableOnDevice: labels that the table does not have give NaN, as in the reference, and read nothing.
func TestLookupOutsideTableOnDevice(t *testing.T) {
	d := kerneltest.Emulator(t, "a100")
	for _, labels := range [][2]int{{-4, 0}, {7, 9}, {-2, 9}, {1<<31 - 1, 1 << 31}} {
		cs := kernels.Case{Name: "labels", Op: Lookup{}, In: []kernels.Input{kernels.RandInts(labels[0], labels[1], 9, 1, 1, 1), kernels.Randn(7, 1, 1, 35)}}
		half, _ := cs.InBF16()
		for _, cs := range []kernels.Case{cs, half} {
			for i := range kernels.Lookup("lookup").Variants {
				v := &kernels.Lookup("lookup").Variants[i]
				if v.Backend != "cuda" {
					continue
				}
				if res, ok := d.Verify(cs, v); !ok || !res.OK {
					t.Errorf("labels %v, %s: %s", labels, res.Variant, res.Error)
				}
			}
		}
	}
}
