package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

func fillReference[T kernels.Float](c *kernels.Call) {
	v, y := c.Op.(Fill).Value, kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, v) })
}

func fillCPU(q kernels.Queue, c *kernels.Call) error {
	v, y := float32(c.Op.(Fill).Value), c.Out[0]
	if y.DType == kernels.BF16 {
		v = kernels.RoundBF16(v)
	}
	cpu.Of(q).Range(y.Rows(), max(1, blockElements/y.C), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := y.F32[r*y.Pitch : r*y.Pitch+y.C]
			for i := range row {
				row[i] = v
			}
		}
	})
	return nil
}
