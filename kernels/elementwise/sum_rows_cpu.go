package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

func sumRowsReference[T kernels.Float](c *kernels.Call) {
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	sums := make([]float64, y.N*y.C)
	Each(x.Spec, func(n, h, w, ch int) { sums[min(n, y.N-1)*y.C+ch] += x.At(n, h, w, ch) })
	Each(y.Spec, func(n, _, _, ch int) { y.Set(n, 0, 0, ch, sums[n*y.C+ch]) })
}

func sumRowsCPU(q kernels.Queue, c *kernels.Call) error {
	x, y := c.In[0], c.Out[0]
	perOutput := x.Rows() / y.N // rows that are summed to one output row
	grain := max(1, blockElements/x.C)
	blocks := (perOutput + grain - 1) / grain
	partial := make([]float64, y.N*blocks*x.C)
	cpu.Of(q).Tasks(y.N*blocks, func(i, _ int) {
		lo := i % blocks * grain
		first := i/blocks*perOutput + lo
		simd.ColumnSums(partial[i*x.C:(i+1)*x.C], simd.Rows{Data: x.F32[first*x.Pitch:], Pitch: x.Pitch}, min(grain, perOutput-lo))
	})
	for n := range y.N {
		out := y.F32[n*y.Pitch : n*y.Pitch+y.C]
		for ch := range out {
			var s float64
			for k := range blocks {
				s += partial[(n*blocks+k)*x.C+ch]
			}
			if y.Adds(c.State) {
				s += float64(out[ch])
			}
			out[ch] = float32(s)
		}
	}
	return nil
}
