package optim

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestTraffic holds the bytes of device memory a parameter: those of the operation plus less than two percent.
func TestTraffic(t *testing.T) {
	const count = 1 << 16
	state := kernels.StepState{LearningRate: 1e-2, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Correction1: 0.1, Correction2: 0.01, EMADecay: 0.99}
	positive := kernels.RandUniform(0, 1, 1, 1, 1, count)
	adamW := kernels.Case{Op: AdamW{DecayElements: count - 301}, State: state,
		In: []kernels.Input{flat(count), flat(count), positive, flat(count), flat(count), scalar(1, 2), flagOf(FlagGood)}}
	for _, tc := range []struct {
		name string
		c    kernels.Case
		most float64
	}{
		{"adamw", adamW, 36.6},
		{"adamw with a bf16 copy", copied("", adamW, count), 38.6},
		{"global norm", kernels.Case{Op: GlobalNorm{}, In: []kernels.Input{flat(count)}}, 4.1},
	} {
		counters := kerneltest.Count(t, tc.c, 1)
		got := float64(kerneltest.Traffic(counters)) / count
		if got > tc.most {
			t.Errorf("%s: %.3f bytes a parameter, expected at most %v", tc.name, got, tc.most)
		}
		for _, k := range counters {
			if s := k.Shared; s.LoadWavefronts != s.LoadIdeal || s.StoreWavefronts != s.StoreIdeal {
				t.Errorf("%s: %d and %d wavefronts of shared memory, ideal are %d and %d", k.Kernel, s.LoadWavefronts, s.StoreWavefronts, s.LoadIdeal, s.StoreIdeal)
			}
			t.Logf("%s, %s: %.3f bytes, %.1f instructions a parameter", tc.name, k.Kernel, got, float64(instructions(k))/count)
		}
	}
}

func instructions(k cuda.LaunchCounters) int64 {
	i := k.Instructions.Thread
	return i.Integer + i.Float32 + i.Half + i.Float64 + i.Convert + i.Move + i.Predicate + i.Special + i.Load + i.Store + i.Barrier + i.Branch + i.Cross + i.Other
}

// TestLargeArena checks that grids and counts of more than 2^31 parameters stay what they are.
func TestLargeArena(t *testing.T) {
	const count = 5 << 30
	d, err := emu.Open("h100")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	q := &gpu.Queue{Library: gpu.NewLibrary(d)}
	row := func(name string, d kernels.DType, n int) *kernels.Operand {
		return &kernels.Operand{Spec: kernels.Vector(d, n), Name: name, Addr: 1 << 20}
	}
	p := row("p", kernels.F32, count)
	scalar, flag := row("norm", kernels.F32, 1), row("flag", kernels.I32, 1)
	list, err := q.Record(kernel(t, "adamw"), &kernels.Call{Op: AdamW{DecayElements: count - 1}, In: []*kernels.Operand{p, p, p, p, p, scalar, flag},
		Out: []*kernels.Operand{p, p, p, p}}, "")
	if err != nil {
		t.Fatal(err)
	}
	l := list[0].Launch
	if blocks := int64(l.Grid.X); blocks > 1<<31-1 || blocks*optimThreads*adamWElements != count || l.Args[3] != int64(count) || l.Args[4] != int64(count-1) {
		t.Errorf("adamw: %d blocks for %v of %v parameters", blocks, l.Args[4], l.Args[3])
	}
	list, err = q.Record(kernel(t, "global_norm"), &kernels.Call{Op: GlobalNorm{}, In: []*kernels.Operand{p}, Out: []*kernels.Operand{scalar},
		Scratch: row("scratch", kernels.F32, normBlocks)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if l := list[0].Launch; l.Grid.X != normBlocks || l.Args[0] != int64(count) {
		t.Errorf("global_norm: %d blocks for %v parameters", l.Grid.X, l.Args[0])
	}
}

func kernel(t *testing.T, op string) kernels.Kernel {
	t.Helper()
	for _, v := range kernels.Lookup(op).Variants {
		if v.Backend == "cuda" {
			return v.Kernel
		}
	}
	t.Fatalf("%s has no CUDA variant", op)
	return nil
}

func TestSabotage(t *testing.T) {
	kerneltest.Sabotage(t, "adamw", "adamw", kerneltest.Mutants(8, 500))
	kerneltest.Sabotage(t, "global_norm", "global_norm", kerneltest.Mutants(8, 500))
	kerneltest.Sabotage(t, "check_finite", "check_finite", kerneltest.Mutants(8, 500))
	kerneltest.Sabotage(t, "record", "record", kerneltest.Mutants(8, 500))
}
