package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestLayers holds the variants that the table chooses to the reference on layers of the CIFAR-10 network, one image.
func TestLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds on the emulator")
	}
	up, down := Same(3), Geometry{KH: 3, KW: 3, Stride: 2, PadBottom: 1, PadRight: 1}
	up.Upsample2x = true
	for _, s := range []shape{
		{name: "32x32 128 to 128", g: Same(3), n: 1, h: 32, w: 32, ci: 128, co: 128, bias: true, image: true},
		{name: "32x32 first layer", g: Same(3), n: 1, h: 32, w: 32, ci: 3, co: 128, bias: true},
		{name: "32x32 last layer", g: Same(3), n: 1, h: 32, w: 32, ci: 128, co: 3, bias: true, f32: true},
		{name: "16x16 256 to 256 down", g: down, n: 1, h: 16, w: 16, ci: 256, co: 256, bias: true},
		{name: "8x8 384 to 256", g: Same(3), n: 1, h: 8, w: 8, ci: 384, co: 256, bias: true, residual: true},
		{name: "4x4 256 to 256 up", g: up, n: 1, h: 4, w: 4, ci: 256, co: 256, bias: true},
		{name: "16x16 384 to 256 1x1", g: Same(1), n: 1, h: 16, w: 16, ci: 384, co: 256, bias: true, residual: true},
	} {
		for _, cs := range []kernels.Case{s.conv(), s.dgrad(), s.wgrad()} {
			half, _ := cs.InBF16()
			for _, cs := range []kernels.Case{cs, half} {
				layer(t, cs)
			}
		}
	}
}

// layer verifies the first variant that takes a case.
func layer(t *testing.T, cs kernels.Case) {
	t.Helper()
	d, f := kerneltest.Emulator(t, "h100"), kernels.Lookup(cs.Op.Name())
	for i := range f.Variants {
		if f.Variants[i].Backend != "cuda" {
			continue
		}
		if res, ok := d.Verify(cs, &f.Variants[i]); ok {
			t.Logf("%s %s %s %s: off by %.2g", res.Op, res.Case, res.DType, f.Variants[i].Name, res.MaxAbs)
			if !res.OK {
				t.Errorf("%s %s %s: %s", res.Op, res.Case, res.DType, res.Error)
			}
			return
		}
	}
	t.Errorf("%s %s: no variant", cs.Op.Name(), cs.Name)
}
