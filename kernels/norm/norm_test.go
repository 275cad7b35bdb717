package norm

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
	"github.com/unnoise/unnoise/kernels/rng"
)

func TestVariants(t *testing.T) {
	for _, op := range []string{"group_norm", "group_norm_grad"} {
		t.Run(op, func(t *testing.T) { kerneltest.Run(t, op) })
	}
}

// TestMask holds the factors of both passes to the definition, element by element.
func TestMask(t *testing.T) {
	state := &kernels.StepState{Seed: 0x123456789abcdef0, Step: 7, SampleBase: 100}
	for _, p := range []float64{1e-7, 0.1, 0.5, 0.999} {
		d := newDropout(GroupNorm{Dropout: p, Stream: 0xdeadbeef}, state)
		for _, n := range []int{1, 4, 31, 32, 33, 163, 1024} {
			const first = 52
			got := make([]float32, n+1)
			got[n] = -1
			d.mask(got[:n], 3, first)
			for i, g := range got[:n] {
				if want := d.factor(3, first+i); float64(g) != want {
					t.Fatalf("p %v, %d elements: factor %d is %v, expected %v", p, n, i, g, want)
				}
			}
			if got[n] != -1 {
				t.Fatalf("%d elements: written past the end", n)
			}
		}
	}
}

// TestDropoutThreshold holds the integer threshold to the comparison of uniforms at the words around it.
func TestDropoutThreshold(t *testing.T) {
	for _, p := range []float64{1e-9, 1e-7, 0.1, 0.25, 1.0 / 3, 0.5, 0.9, 0.9999999} {
		d := newDropout(GroupNorm{Dropout: p}, nil)
		for off := int64(-2); off <= 2; off++ {
			bits := min(max(int64(d.words)+off, 0), 1<<23-1)
			if dropped := rng.Uniform(uint32(bits)<<9) < d.threshold; dropped != (bits < int64(d.words)) {
				t.Errorf("p %v, bits %d: dropped is %v by the uniform, %v by the threshold %d", p, bits, dropped, !dropped, d.words)
			}
		}
	}
}
