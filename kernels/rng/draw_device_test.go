package rng_test

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
	"github.com/unnoise/unnoise/kernels/rng"
)

// TestLargeGrids runs grids in which each thread draws several groups.
func TestLargeGrids(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million elements of each draw")
	}
	kerneltest.VerifyDevice(t,
		kernels.Case{Name: "large", Op: rng.NormalDraw{N: 8, H: 32, W: 32, C: 64}},
		kernels.Case{Name: "large", Op: rng.UniformDraw{N: 8, H: 32, W: 32, C: 64, Hi: 1}})
}

// TestWork counts the 32-byte sectors that drawing touches, the step's scalars too: at most 1.05 of those written. A warp exchanges
// its numbers without bank conflicts.
func TestWork(t *testing.T) {
	for _, op := range []kernels.Operator{rng.NormalDraw{N: 16, H: 32, W: 32, C: 64}, rng.UniformDraw{N: 16, H: 32, W: 32, C: 64, Hi: 1}} {
		for number := 1; number <= 2; number++ {
			counters := kerneltest.Count(t, kernels.Case{Name: "work", Op: op}, number)
			const n = 16 * 32 * 32 * 64
			bytes, w := float64(kerneltest.Traffic(counters))/n, counters[0].Instructions.Thread
			t.Logf("%s, variant %d: %.3f bytes an element, ideal 4; %.1f integer, %.1f float32 instructions an element", op.Name(), number,
				bytes, float64(w.Integer)/n, float64(w.Float32)/n)
			if bytes > 1.05*4 {
				t.Errorf("%s, variant %d: %.3f bytes an element, at most 4.2", op.Name(), number, bytes)
			}
			if s := counters[0].Shared; s.LoadWavefronts != s.LoadIdeal || s.StoreWavefronts != s.StoreIdeal {
				t.Errorf("%s, variant %d: bank conflicts: %+v", op.Name(), number, s)
			}
		}
	}
}
