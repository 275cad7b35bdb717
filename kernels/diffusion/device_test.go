package diffusion

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOutsideTables runs the CUDA kernels with times and chain indices that no table has: they give what the reference gives,
// NaN, and read nothing outside the tables.
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
			past := historyCase(in, 3)
			past.State = s
			cases = append(cases, past, kernels.Case{Name: "chain index", Op: ReverseUpdate{Stream: 3, Clip: 1}, State: s, In: []kernels.Input{in, in, update}},
				kernels.Case{Name: "chain index, z given", Op: ReverseUpdate{}, State: s, In: []kernels.Input{in, in, update, in}},
				kernels.Case{Name: "chain index", Op: DynamicThreshold{0.9, 9}, State: s, In: []kernels.Input{in, in, update}},
				kernels.Case{Name: "chain index", Op: ReverseUpdateGrad{Clip: 1}, State: s, In: []kernels.Input{in, in, update, in}},
				kernels.Case{Name: "chain index", Op: ChainTime{3}, State: s, In: []kernels.Input{kernels.RandUniform(0, 9, 7, 1, 1, 1)}})
		}
	}
	kerneltest.VerifyDevice(t, cases...)
}

// historyCase is a step with a history of so many slots.
func historyCase(x kernels.Input, slots int) kernels.Case {
	history := *x.Spec
	history.N *= slots
	return kernels.Case{Name: "history", Op: ReverseUpdate{Stream: 3}, In: []kernels.Input{x, x, historyTable(slots), {}, {Spec: &history}}}
}

// TestLargeGrids runs grids in which each thread takes several items; in short tests only those that draw.
func TestLargeGrids(t *testing.T) {
	x := kernels.Randn(8, 32, 32, 64)
	noise, update := kernels.RandUniform(-1, 1, 40, 1, 1, 4), kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	kerneltest.VerifyDevice(t, kernels.Case{Name: "large", Op: Noising{Stream: 3}, In: []kernels.Input{x, kernels.RandInts(0, 40, 8, 1, 1, 1), noise}})
	if testing.Short() {
		return
	}
	kerneltest.VerifyDevice(t,
		kernels.Case{Name: "large", Op: Noising{}, In: []kernels.Input{x, kernels.RandInts(0, 40, 8, 1, 1, 1), noise, x}},
		kernels.Case{Name: "large", Op: ReverseUpdate{Stream: 3}, In: []kernels.Input{x, x, update}},
		kernels.Case{Name: "large, in place", Op: ReverseUpdate{Stream: 3, InPlace: true}, In: []kernels.Input{x, x, update}},
		kernels.Case{Name: "large", Op: ReverseUpdate{Clip: 1}, In: []kernels.Input{x, x, update, x}},
		historyCase(x, 2),
		kernels.Case{Name: "large", Op: ReverseUpdateGrad{Clip: 1}, In: []kernels.Input{x, x, update, x}},
		kernels.Case{Name: "large", Op: Guidance{}, State: kernels.StepState{Guidance: 2}, In: []kernels.Input{x}},
		kernels.Case{Name: "large", Op: GuidanceGrad{}, State: kernels.StepState{Guidance: 2}, In: []kernels.Input{x}})
}
