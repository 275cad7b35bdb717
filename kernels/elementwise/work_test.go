package elementwise

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestTraffic holds every kernel to the bytes it has to move for each element of its largest tensor, and its sectors and wavefronts
// to the ideal, on tensors of 64 and 128 channels.
func TestTraffic(t *testing.T) {
	r := kernels.Randn
	x := r(4, 32, 32, 64)
	elements := float64(x.Spec.Elements())
	wide := kernels.RandnPitch(4, 32, 32, 64, 192) // a slice of a concatenation
	for _, tc := range []struct {
		name string
		op   kernels.Operator
		in   []kernels.Input
		f32  float64 // bytes an element; half of it in bf16
		work float64 // thread instructions an element, at most, in bf16
	}{
		{"silu", Activation{SiLU}, []kernels.Input{x}, 8, 24},
		{"gelu", Activation{GELU}, []kernels.Input{x}, 8, 80},
		{"silu", ActivationGrad{SiLU}, []kernels.Input{x, x}, 12, 30},
		{"sum", Add{1, 1}, []kernels.Input{x, x}, 12, 12},
		{"sum of slices", Add{1, 1}, []kernels.Input{wide, x}, 12, 12},
		{"dense", Multiply{}, []kernels.Input{x, x}, 12, 12},
		{"dense", Scale{2}, []kernels.Input{x}, 8, 8},
		{"dense", Copy{}, []kernels.Input{x}, 8, 7},
		{"slice", Copy{}, []kernels.Input{wide}, 8, 7},
		{"all", SumRows{}, []kernels.Input{x}, 4.6, 12},
		{"per image", SumRows{PerImage: true}, []kernels.Input{x}, 4.6, 12},
		{"row for each image", Broadcast{4, 32, 32}, []kernels.Input{r(4, 1, 1, 64)}, 6.1, 7},
		{"dense", DivideTime{}, []kernels.Input{x, kernels.RandUniform(1, 2, 4, 1, 1, 1)}, 8.5, 10},
		{"pool", Resample{AvgPool2}, []kernels.Input{x}, 5, 6},
		{"nearest", Resample{Nearest2}, []kernels.Input{r(4, 16, 16, 64)}, 5, 6},
		{"nearest", ResampleGrad{Nearest2, 16, 16}, []kernels.Input{x}, 5, 6},
	} {
		single := kernels.Case{Op: tc.op, In: tc.in}
		half, _ := single.InBF16()
		for _, cs := range []kernels.Case{single, half} {
			size := float64(cs.In[0].Spec.DType.Size())
			hold(t, tc.op.Name()+", "+tc.name+", "+cs.In[0].Spec.DType.String(), cs, elements, tc.f32*size/4, tc.work*size/2)
		}
	}
	for _, to := range []kernels.DType{kernels.F32, kernels.BF16} {
		from := x
		s := x.Spec.WithDType(kernels.BF16 - to)
		from.Spec = &s
		hold(t, "cast to "+to.String(), kernels.Case{Op: Cast{to}, In: []kernels.Input{from}}, elements, 6, 9)
		hold(t, "fill "+to.String(), kernels.Case{Op: Fill{Value: 1, N: 4, H: 32, W: 32, C: 64, DType: to}}, elements, float64(to.Size()), 5.5)
	}
}

// hold compares what a case's launches do with the bytes and instructions an element that they may take.
func hold(t *testing.T, name string, cs kernels.Case, elements, bytes, work float64) {
	t.Helper()
	counters := kerneltest.Count(t, cs, 1)
	var sectors, asked, instructions int64
	for _, k := range counters {
		sectors += k.Global.LoadSectors + k.Global.StoreSectors
		asked += k.Global.LoadBytes + k.Global.StoreBytes
		if s := k.Shared; s.LoadWavefronts > s.LoadIdeal || s.StoreWavefronts > s.StoreIdeal {
			t.Errorf("%s: %s: %d and %d wavefronts of shared memory, ideal are %d and %d", name, k.Kernel, s.LoadWavefronts, s.StoreWavefronts, s.LoadIdeal, s.StoreIdeal)
		}
		i := k.Instructions.Thread
		instructions += i.Integer + i.Float32 + i.Convert + i.Move + i.Predicate + i.Special + i.Load + i.Store + i.Barrier + i.Branch
	}
	if got := float64(kerneltest.Traffic(counters)) / elements; got > bytes {
		t.Errorf("%s: %.3f bytes an element, expected at most %.3f", name, got, bytes)
	}
	if float64(32*sectors) > 1.05*float64(asked) {
		t.Errorf("%s: %d sectors for %d bytes", name, sectors, asked)
	}
	if got := float64(instructions) / elements; got > work {
		t.Errorf("%s: %.1f instructions an element, expected at most %.1f", name, got, work)
	}
	t.Logf("%s: %.3f bytes, %.1f instructions an element", name, float64(kerneltest.Traffic(counters))/elements, float64(instructions)/elements)
}
