package diffusion

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOutsideTables runs the CUDA kernels with times and chain indices that no table has: they give what the reference gives,
// NaN or the time -1, and read nothing outside the tables.
func TestOutsideTables(t *testing.T) {
	x, dense := kernels.Randn(3, 5, 7, 3), kernels.Randn(2, 3, 5, 8)
	noise, update := kernels.RandUniform(-1, 1, 5, 1, 1, 4), kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	var cases []kernels.Case
	for _, in := range []kernels.Input{x, dense} {
		for _, times := range [][2]int{{-3, 8}, {5, 6}, {-1, 0}, {-1 << 31, -1<<31 + 1}, {1<<31 - 1, 1 << 31}} {
			at := kernels.RandInts(times[0], times[1], in.Spec.N, 1, 1, 1)
			cases = append(cases, kernels.Case{Name: "times", Op: Noising{Stream: 3}, In: []kernels.Input{in, at, noise}},
				kernels.Case{Name: "times, eps given", Op: Noising{}, In: []kernels.Input{in, at, noise, in}})
		}
		for _, index := range []uint32{7, 1 << 31, 1<<32 - 1} {
			s := kernels.StepState{ChainIndex: index}
			cases = append(cases, kernels.Case{Name: "chain index", Op: ReverseUpdate{Stream: 3, Clip: 1}, State: s, In: []kernels.Input{in, in, update}},
				kernels.Case{Name: "chain index, z given", Op: ReverseUpdate{}, State: s, In: []kernels.Input{in, in, update, in}},
				kernels.Case{Name: "chain index", Op: ReverseUpdateGrad{Clip: 1}, State: s, In: []kernels.Input{in, in, update, in}},
				kernels.Case{Name: "chain index", Op: ChainTime{3}, State: s, In: []kernels.Input{kernels.RandInts(0, 9, 7, 1, 1, 1)}})
		}
	}
	d := kerneltest.Emulator(t, "a100")
	for _, cs := range cases {
		for i := range kernels.Lookup(cs.Op.Name()).Variants {
			v := &kernels.Lookup(cs.Op.Name()).Variants[i]
			if v.Backend != "cuda" {
				continue
			}
			if res, ok := d.Verify(cs, v); ok && !res.OK {
				t.Errorf("%s %s %q: %s", res.Op, res.Variant, cs.Name, res.Error)
			}
		}
	}
}
