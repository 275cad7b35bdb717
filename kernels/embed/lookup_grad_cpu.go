package embed

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

func lookupGradReference[T kernels.Float](c *kernels.Call) {
	ids, dy, dtable := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	for row := range dtable.N {
		for ch := range dtable.C {
			var sum float64
			for n := range dy.N {
				if ids.Int(n, 0, 0, 0) == row {
					sum += dy.At(n, 0, 0, ch)
				}
			}
			dtable.Set(row, 0, 0, ch, sum)
		}
	}
}

func lookupGradCPU(q kernels.Queue, c *kernels.Call) error {
	ids, dy, dtable := c.In[0], c.In[1], c.Out[0]
	adds := dtable.Adds(c.State)
	cpu.Of(q).Tasks(dtable.N, func(row, _ int) {
		out := dtable.F32[row*dtable.Pitch : row*dtable.Pitch+dtable.C]
		if !adds {
			clear(out)
		}
		for n := range dy.N {
			if int(ids.I32[n*ids.Pitch]) == row {
				simd.AddTo(out, dy.F32[n*dy.Pitch:n*dy.Pitch+dy.C])
			}
		}
	})
	return nil
}
