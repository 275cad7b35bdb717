package diffusion

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestWork counts on the emulator what the kernels move: 32-byte sectors that the accesses of warps touch, all loads and stores
// of device memory (the tables, times and the step's scalars too), times 32, over the elements of x. A million elements of 64
// channels, without pads. The ideal counts each element of the large operands once; at most 1.05 of it may be touched: 12.6 bytes an
// element for noising with eps kept and for the reverse update, whose bar is 12.8.
func TestWork(t *testing.T) {
	x, times := kernels.Randn(16, 32, 32, 64), kernels.RandInts(0, 40, 16, 1, 1, 1)
	noise, update := kernels.RandUniform(-1, 1, 40, 1, 1, 4), kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)
	for _, tt := range []struct {
		name  string
		op    kernels.Operator
		in    []kernels.Input
		ideal float64 // bytes an element of the first output
	}{
		{"noising", Noising{Stream: 3}, []kernels.Input{x, times, noise}, 12},
		{"noising, eps given", Noising{}, []kernels.Input{x, times, noise, x}, 16},
		{"ancestral update", ReverseUpdate{Stream: 3, Clip: 1}, []kernels.Input{x, x, update}, 12},
		{"ancestral update in place", ReverseUpdate{Stream: 3, InPlace: true}, []kernels.Input{x, x, update}, 12},
		{"DDIM update", ReverseUpdate{Stream: 3, Clip: 1}, []kernels.Input{x, x, {Spec: update.Spec, Fill: kernels.Zeros}}, 12},
		{"update, z given", ReverseUpdate{}, []kernels.Input{x, x, update, x}, 16},
		{"update with limits", ReverseUpdate{Stream: 3}, []kernels.Input{x, x, update, {}, {}, kernels.RandUniform(1, 2, 16, 1, 1, 1)}, 13}, // a limit a lane and access, a sector a warp
		{"update, nothing of the history", ReverseUpdate{Stream: 3}, historyInputs(x, nil, nil), 12},
		{"update, a slot read", ReverseUpdate{Stream: 3}, historyInputs(x, []int{2}, nil), 16},
		{"update, a slot read, one written", ReverseUpdate{Stream: 3}, historyInputs(x, []int{1}, []int{0}), 20},
		{"update, three slots read, two written", ReverseUpdate{Stream: 3}, historyInputs(x, []int{0, 2, 3}, []int{0, 1}), 32},
		{"update's gradient", ReverseUpdateGrad{Clip: 1}, []kernels.Input{x, x, update, x}, 24},
		{"guidance", Guidance{}, []kernels.Input{x}, 12},
		{"guidance's gradient", GuidanceGrad{}, []kernels.Input{x}, 6},
	} {
		cs := kernels.Case{Name: tt.name, Op: tt.op, In: tt.in}
		for number := 1; number <= 2; number++ {
			counters := kerneltest.Count(t, cs, number)
			out, err := tt.op.Infer(specs(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			n := float64(out[0].Elements())
			c := counters[0]
			perElement := float64(kerneltest.Traffic(counters)) / n
			w := c.Instructions.Thread
			t.Logf("%s, variant %d: %.3f bytes an element, ideal %g; %.1f integer, %.1f float32 instructions an element", tt.name, number,
				perElement, tt.ideal, float64(w.Integer)/n, float64(w.Float32)/n)
			if perElement > 1.05*tt.ideal {
				t.Errorf("%s, variant %d: %.3f bytes an element, at most %.3f", tt.name, number, perElement, 1.05*tt.ideal)
			}
			if s := c.Shared; s.LoadWavefronts != s.LoadIdeal || s.StoreWavefronts != s.StoreIdeal {
				t.Errorf("%s, variant %d: bank conflicts: %+v", tt.name, number, s)
			}
		}
	}
}

// historyInputs is a step of four slots without noise that reads some of them and writes others.
func historyInputs(x kernels.Input, reads, writes []int) []kernels.Input {
	const slots = 4
	row := make([]float64, UpdateWidth(slots))
	row[X0FromX], row[X0FromOut], row[C0], row[CX] = 0.5, -0.5, 1, 0.25
	for _, k := range reads {
		row[SlotColumn(0, k, slots)] = 0.5
	}
	for w, k := range writes {
		row[Write1+w], row[Column(1+w, slots)] = float64(k+1), 1
	}
	history := *x.Spec
	history.N *= slots
	return []kernels.Input{x, x, kernels.Values(1, 1, 1, len(row), row...), {}, {Spec: &history}}
}

func specs(in []kernels.Input) []*kernels.Spec {
	var list []*kernels.Spec
	for _, i := range in {
		list = append(list, i.Spec)
	}
	return list
}

// TestWorkOfPixels counts the same for pixels of three channels, one 32-byte sector each: accesses of neighbouring elements touch each
// sector little more than once, where 12 of its 32 bytes are asked for.
func TestWorkOfPixels(t *testing.T) {
	x := kernels.Randn(128, 32, 32, 3)
	cs := kernels.Case{Name: "CIFAR-10", Op: Noising{Stream: 3}, In: []kernels.Input{x, kernels.RandInts(0, 40, 128, 1, 1, 1), kernels.RandUniform(-1, 1, 40, 1, 1, 4)}}
	counters := kerneltest.Count(t, cs, 2)
	sectors, ideal := kerneltest.Traffic(counters)/32, int64(3*x.Spec.Rows())
	t.Logf("%d sectors, three operands of %d pixels, %.3f of the ideal", sectors, x.Spec.Rows(), float64(sectors)/float64(ideal))
	if float64(sectors) > 1.25*float64(ideal) {
		t.Errorf("%d sectors, at most a quarter more than %d", sectors, ideal)
	}
}

// TestWorkOfThreshold counts the passes of the selection: each reads both operands once.
func TestWorkOfThreshold(t *testing.T) {
	x := kernels.Randn(4, 64, 64, 8)
	cs := kernels.Case{Name: "pictures", Op: DynamicThreshold{Ratio: 0.995, Max: 2}, In: []kernels.Input{x, x, kernels.RandUniform(-1, 1, 7, 1, 1, UpdateColumns)}}
	got, ideal := kerneltest.Traffic(kerneltest.Count(t, cs, 1)), int64(selectPasses*8*x.Spec.Elements())
	t.Logf("%d bytes, %.3f of the ideal", got, float64(got)/float64(ideal))
	if float64(got) > 1.05*float64(ideal) {
		t.Errorf("%d bytes, at most 1.05 of %d", got, ideal)
	}
}
