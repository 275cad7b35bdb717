package norm

import (
	"fmt"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestTraffic holds the variants to their bytes of device memory an element of bf16, twice that of f32.
func TestTraffic(t *testing.T) {
	const slab, stream, given = 1, 2, 3
	r := kernels.Randn
	for _, tc := range []struct {
		name       string
		n, h, w, c int
		groups     int
		dropout    float64
		grad       bool
		variant    int
		most       float64
	}{
		{"32x32x128", 2, 32, 32, 128, 32, 0, false, slab, 4.2},
		{"32x32x128", 2, 32, 32, 128, 32, 0, false, stream, 6.3},
		{"64x64x64", 2, 64, 64, 64, 8, 0.1, false, slab, 4.2},
		{"64x64x64", 2, 64, 64, 64, 8, 0.1, false, stream, 6.3},
		{"32x32x384", 1, 32, 32, 384, 32, 0.1, false, slab, 4.2},
		{"64x64x128", 1, 64, 64, 128, 32, 0, false, stream, 6.3},
		{"64x64x128", 1, 64, 64, 128, 32, 0, false, given, 4.1},
		{"32x32x128", 2, 32, 32, 128, 32, 0, true, slab, 6.2},
		{"32x32x128", 2, 32, 32, 128, 32, 0.1, true, slab, 6.2},
		{"16x16x384", 2, 16, 16, 384, 32, 0.1, true, slab, 6.2},
		{"32x32x128", 2, 32, 32, 128, 32, 0.1, true, stream, 10.4},
	} {
		x, v := r(tc.n, tc.h, tc.w, tc.c), r(1, 1, 1, tc.c)
		op := GroupNorm{Groups: tc.groups, Eps: 1e-5, Activation: elementwise.SiLU, Dropout: tc.dropout}
		single := kernels.Case{Op: op, In: []kernels.Input{x, v, v}}
		if tc.grad {
			stats := kernels.RandUniform(0.5, 1, tc.n, 1, tc.groups, 2)
			single = kernels.Case{Op: GroupNormGrad(op), In: []kernels.Input{x, v, v, kernels.Absent(), stats, x}}
		}
		if tc.variant == given {
			single.In = append(single.In, kernels.Absent(), kernels.RandUniform(0.5, 3, tc.n, 1, 1, 2*tc.c))
		}
		half, _ := single.InBF16()
		for _, cs := range []kernels.Case{half, single} {
			name := fmt.Sprintf("%s %s/%d %s dropout %v", cs.Op.Name(), tc.name, tc.variant, cs.In[0].Spec.DType, tc.dropout)
			counters := kerneltest.Count(t, cs, tc.variant)
			elements := float64(x.Spec.Elements())
			bytes := float64(kerneltest.Traffic(counters)) / elements
			if most := tc.most / 2 * float64(cs.In[0].Spec.DType.Size()); bytes > most {
				t.Errorf("%s: %.3f bytes an element, expected at most %v", name, bytes, most)
			}
			holdWork(t, name, counters)
			for _, k := range counters {
				t.Logf("%s, %s: %.3f bytes in all, %.1f instructions an element", name, k.Kernel, bytes, float64(threadInstructions(k))/elements)
			}
		}
	}
}

// holdWork compares sectors and wavefronts of an operator's launches with the ideal ones.
func holdWork(t *testing.T, name string, launches []cuda.LaunchCounters) {
	t.Helper()
	var sectors, bytes int64
	for _, k := range launches {
		sectors += k.Global.LoadSectors + k.Global.StoreSectors
		bytes += k.Global.LoadBytes + k.Global.StoreBytes
		if s := k.Shared; s.LoadWavefronts > s.LoadIdeal || s.StoreWavefronts > s.StoreIdeal {
			t.Errorf("%s, %s: %d and %d wavefronts of shared memory, ideal are %d and %d", name, k.Kernel, s.LoadWavefronts, s.StoreWavefronts, s.LoadIdeal, s.StoreIdeal)
		}
	}
	if float64(32*sectors) > 1.05*float64(bytes) {
		t.Errorf("%s: %d sectors for %d bytes", name, sectors, bytes)
	}
}

func threadInstructions(k cuda.LaunchCounters) int64 {
	i := k.Instructions.Thread
	return i.Integer + i.Float32 + i.Half + i.Float64 + i.Convert + i.Move + i.Predicate + i.Special + i.Load + i.Store + i.Barrier + i.Branch + i.Cross + i.Other
}

func TestSabotage(t *testing.T) {
	gelu := kerneltest.Except("", "(activation.cuh:8)", "terms of erfcf that the tolerance of a norm hides; the tests of activation hold them")
	pivot := kerneltest.Except("", "(group_norm.cu:177)", "any number near the mean will do as the pivot")
	kerneltest.Sabotage(t, "group_norm", "group_norm", kerneltest.Mutants(3, 16), gelu, pivot)
	kerneltest.Sabotage(t, "group_norm_grad", "group_norm_grad", kerneltest.Mutants(3, 16), gelu)
}
