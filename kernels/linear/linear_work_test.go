package linear

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestWork holds the counters of the products to what the shapes ask for: no bank conflicts, whole sectors, every panel read once.
func TestWork(t *testing.T) {
	r := kernels.Randn
	const m, n, k = 256, 128, 192
	for _, tc := range []struct {
		name string
		op   kernels.Operator
		in   []kernels.Input
		out  int64 // elements written
	}{
		{"linear", Linear{}, []kernels.Input{r(m, 1, 1, k), r(n, 1, 1, k), r(1, 1, 1, n), r(m, 1, 1, n)}, m * n},
		{"linear_dgrad", LinearDgrad{}, []kernels.Input{r(m, 1, 1, k), r(k, 1, 1, n), r(m, 1, 1, n)}, m * n},
		{"linear_wgrad", LinearWgrad{Bias: true}, []kernels.Input{r(k, 1, 1, n), r(k, 1, 1, m)}, m*n + m},
		{"matmul nn", Matmul{Alpha: 1}, []kernels.Input{r(1, 1, m, k), r(1, 1, k, n)}, m * n},
		{"matmul nt", Matmul{TransB: true, Alpha: 1}, []kernels.Input{r(1, 1, m, k), r(1, 1, n, k)}, m * n},
		{"matmul tn", Matmul{TransA: true, Alpha: 1}, []kernels.Input{r(1, 1, k, m), r(1, 1, k, n)}, m * n},
		{"matmul tt", Matmul{TransA: true, TransB: true, Alpha: 1}, []kernels.Input{r(1, 1, k, m), r(1, 1, n, k)}, m * n},
	} {
		cs := kernels.Case{Name: tc.name, Op: tc.op, In: tc.in}
		half, _ := cs.InBF16()
		for _, cs := range []kernels.Case{cs, half} {
			for number, size := range map[int]int64{tile128: 128, tile64: 64} {
				c := kerneltest.Count(t, cs, number)[0]
				width := int64(cs.In[0].Spec.DType.Size())
				outWidth := width
				if _, ok := tc.op.(LinearWgrad); ok {
					outWidth = 4
				}
				panels := (m/size)*(n/size)*2*size*k*width + extra(cs)
				t.Logf("%s %s, tiles of %d: %d bytes read (%d needed), %d written; shared wavefronts %d of %d read, %d of %d written",
					tc.name, cs.In[0].Spec.DType, size, 32*c.Global.LoadSectors, panels, 32*c.Global.StoreSectors,
					c.Shared.LoadWavefronts, c.Shared.LoadIdeal, c.Shared.StoreWavefronts, c.Shared.StoreIdeal)
				atMost(t, cs, "bytes read", 32*c.Global.LoadSectors, panels)
				atMost(t, cs, "bytes written", 32*c.Global.StoreSectors, tc.out*outWidth)
				conflictFree(t, cs, c)
			}
		}
	}
}

// extra is what is read besides the panels: the residual and the bias.
func extra(cs kernels.Case) int64 {
	var bytes int64
	for _, in := range cs.In[2:] {
		bytes += in.Spec.Bytes()
	}
	return bytes
}

func atMost(t *testing.T, cs kernels.Case, what string, got, ideal int64) {
	t.Helper()
	if float64(got) > 1.05*float64(ideal) {
		t.Errorf("%s %s: %d %s, at most 1.05 of %d expected", cs.Name, cs.In[0].Spec.DType, got, what, ideal)
	}
}

// conflictFree: shared memory is read and written in as few wavefronts as the bytes take. Of the float32 product of two
// transposed operands the way out through shared memory may meet conflicts, its main loop not.
func conflictFree(t *testing.T, cs kernels.Case, c cuda.LaunchCounters) {
	t.Helper()
	if c.Shared.LoadWavefronts != c.Shared.LoadIdeal {
		t.Errorf("%s %s: %d wavefronts read, %d are ideal", cs.Name, cs.In[0].Spec.DType, c.Shared.LoadWavefronts, c.Shared.LoadIdeal)
	}
	if op, ok := cs.Op.(Matmul); ok && op.TransA && op.TransB && cs.In[0].Spec.DType == kernels.F32 {
		return
	}
	if c.Shared.StoreWavefronts != c.Shared.StoreIdeal {
		t.Errorf("%s %s: %d wavefronts written, %d are ideal", cs.Name, cs.In[0].Spec.DType, c.Shared.StoreWavefronts, c.Shared.StoreIdeal)
	}
}
