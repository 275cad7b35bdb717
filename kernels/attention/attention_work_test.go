package attention

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestWork holds the counters of attention to what the shapes ask for: no bank conflicts, every tensor read once by its owners
// and once for every block of the others.
func TestWork(t *testing.T) {
	for _, width := range []int{64, 128, 256} {
		const h, w = 8, 16
		x, o := kernels.RandnPitch(1, h, w, width, 3*width), kernels.Randn(1, h, w, width)
		forward := kernels.Case{Op: Attention{Heads: 1}, In: []kernels.Input{x, x, x}}
		backward := kernels.Case{Op: AttentionGrad{Heads: 1}, In: []kernels.Input{x, x, x, o, kernels.RandUniform(5, 6, 1, 1, 1, h*w), o}}
		for _, cs := range []kernels.Case{forward, backward} {
			half, _ := cs.InBF16()
			for _, cs := range []kernels.Case{cs, half} {
				checkWork(t, cs, h*w, width)
			}
		}
	}
}

// checkWork knows the launches by the tensors that they read once, read for every block, and write.
func checkWork(t *testing.T, cs kernels.Case, tokens, width int) {
	t.Helper()
	dtype := cs.In[0].Spec.DType
	tensor := int64(tokens * width * dtype.Size())
	statistic := int64(4 * tokens)
	blocks := int64(tokens / shape{dtype: dtype}.rows())
	type work struct{ read, written int64 }
	want := []work{{tensor + 2*blocks*tensor, tensor + statistic}}
	if _, ok := cs.Op.(AttentionGrad); ok {
		// delta; dq with the statistics of its queries; dk and dv with those of all queries for every block, read by four warps each
		want = []work{{2 * tensor, statistic}, {2*tensor + 2*blocks*tensor + 2*statistic, tensor},
			{2*tensor + 2*blocks*tensor + 8*blocks*statistic, 2 * tensor}}
	}
	for i, c := range kerneltest.Count(t, cs, chunked) {
		read, written := 32*c.Global.LoadSectors, 32*c.Global.StoreSectors
		t.Logf("%s, heads of %d: %d bytes read (%d needed), %d written (%d needed); shared wavefronts %d of %d read, %d of %d written",
			c.Kernel, width, read, want[i].read, written, want[i].written, c.Shared.LoadWavefronts, c.Shared.LoadIdeal,
			c.Shared.StoreWavefronts, c.Shared.StoreIdeal)
		if float64(read) > 1.05*float64(want[i].read) || float64(written) > 1.05*float64(want[i].written) {
			t.Errorf("%s, heads of %d: %d bytes read and %d written, at most 1.05 of %d and %d expected", c.Kernel, width, read, written,
				want[i].read, want[i].written)
		}
		if c.Shared.LoadWavefronts != c.Shared.LoadIdeal || c.Shared.StoreWavefronts != c.Shared.StoreIdeal {
			t.Errorf("%s, heads of %d: bank conflicts", c.Kernel, width)
		}
	}
}
