package embed

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// phase returns 2 pi w t or 2 pi w log t, every step rounded to float32.
func (f Fourier) phase(t, w float64) float64 {
	x := float32(t)
	if f.Log {
		x = float32(math.Log(float64(x)))
	}
	x = float32(x * float32(w))
	x = float32(x * 2)
	return float64(float32(x * math.Pi))
}

func fourierReference[T kernels.Float](c *kernels.Call) {
	f, t, w, y := c.Op.(Fourier), kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	for n := range y.N {
		for ch := range y.C {
			p := f.phase(timeAt(t, n), w.At(0, 0, 0, ch%w.C))
			if (ch < w.C) == f.FlipSinToCos {
				y.Set(n, 0, 0, ch, math.Cos(p))
			} else {
				y.Set(n, 0, 0, ch, math.Sin(p))
			}
		}
	}
}

func fourierCPU(q kernels.Queue, c *kernels.Call) error {
	f, t, w, y := c.Op.(Fourier), c.In[0], c.In[1], c.Out[0]
	sin, cos := 0, w.C
	if f.FlipSinToCos {
		sin, cos = w.C, 0
	}
	cpu.Of(q).Tasks(y.N, func(n, _ int) {
		row, at := y.F32[n*y.Pitch:n*y.Pitch+y.C], timeOf(t, n)
		for k := range w.C {
			a, b := math.Sincos(f.phase(at, float64(w.F32[k])))
			row[sin+k], row[cos+k] = float32(a), float32(b)
		}
	})
	return nil
}
