package embed

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// period returns the longest period.
func (s Sinusoidal) period() float64 {
	if s.MaxPeriod == 0 {
		return 10000
	}
	return s.MaxPeriod
}

// frequency returns f_k.
func (s Sinusoidal) frequency(k int) float64 {
	return math.Exp(-math.Log(s.period()) * float64(k) / (float64(s.Dim/2) - s.FreqShift))
}

func sinusoidalReference[T kernels.Float](c *kernels.Call) {
	s, t, y := c.Op.(Sinusoidal), kernels.In[T](c, 0), kernels.Out[T](c, 0)
	for n := range y.N {
		for ch := range y.C {
			y.Set(n, 0, 0, ch, s.value(timeAt(t, n), ch))
		}
	}
}

// value returns element ch of the embedding of t.
func (s Sinusoidal) value(t float64, ch int) float64 {
	half := s.Dim / 2
	switch {
	case ch >= 2*half:
		return 0
	case (ch < half) == s.FlipSinToCos:
		return math.Cos(t * s.frequency(ch%half))
	}
	return math.Sin(t * s.frequency(ch%half))
}

// timeAt returns the time of image n.
func timeAt[T kernels.Float](t kernels.View[T], n int) float64 {
	if t.DType == kernels.I32 {
		return float64(t.Int(n, 0, 0, 0))
	}
	return t.At(n, 0, 0, 0)
}

// timeOf returns the time of image n.
func timeOf(t *kernels.Operand, n int) float64 {
	if t.DType == kernels.I32 {
		return float64(t.I32[n*t.Pitch])
	}
	return float64(t.F32[n*t.Pitch])
}

func sinusoidalCPU(q kernels.Queue, c *kernels.Call) error {
	s, t, y := c.Op.(Sinusoidal), c.In[0], c.Out[0]
	half := s.Dim / 2
	sin, cos := 0, half
	if s.FlipSinToCos {
		sin, cos = half, 0
	}
	frequencies := make([]float64, half)
	for k := range frequencies {
		frequencies[k] = s.frequency(k)
	}
	cpu.Of(q).Tasks(y.N, func(n, _ int) {
		row, at := y.F32[n*y.Pitch:n*y.Pitch+y.C], timeOf(t, n)
		clear(row[2*half:])
		for k, f := range frequencies {
			a, b := math.Sincos(at * f)
			row[sin+k], row[cos+k] = float32(a), float32(b)
		}
	})
	return nil
}
