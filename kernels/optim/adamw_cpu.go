package optim

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// clipFactor is what gradients of the given global norm are multiplied by.
func clipFactor(norm float64, s *kernels.StepState) float64 {
	if s.ClipNorm <= 0 {
		return 1
	}
	return math.Min(1, s.ClipNorm/(norm+clipEpsilon))
}

// adamWReference does the step as AdamW documents (Loshchilov and Hutter 2019, algorithm 2).
func adamWReference[T kernels.Float](c *kernels.Call) {
	op, s := c.Op.(AdamW), c.State
	p, m, v, ema, g := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3), kernels.In[T](c, 4)
	if kernels.In[T](c, 6).Int(0, 0, 0, 0) != FlagGood {
		return
	}
	copied := kernels.Out[T](c, 4)
	clip := clipFactor(kernels.In[T](c, 5).At(0, 0, 0, 0), s)
	for i := range p.C {
		gi, pi := clip*g.At(0, 0, 0, i), p.At(0, 0, 0, i)
		if i < op.DecayElements {
			pi -= s.LearningRate * s.WeightDecay * pi
		}
		mi := s.Beta1*m.At(0, 0, 0, i) + (1-s.Beta1)*gi
		vi := s.Beta2*v.At(0, 0, 0, i) + (1-s.Beta2)*gi*gi
		pi -= s.LearningRate * (mi / s.Correction1) / (math.Sqrt(vi/s.Correction2) + s.Epsilon)
		kernels.Out[T](c, 0).Set(0, 0, 0, i, pi)
		kernels.Out[T](c, 1).Set(0, 0, 0, i, mi)
		kernels.Out[T](c, 2).Set(0, 0, 0, i, vi)
		kernels.Out[T](c, 3).Set(0, 0, 0, i, s.EMADecay*ema.At(0, 0, 0, i)+(1-s.EMADecay)*pi)
		if copied.Ok() {
			copied.Set(0, 0, 0, i, pi)
		}
	}
}

// adamWCPU does the step in chunks, those with weight decay first.
func adamWCPU(q kernels.Queue, c *kernels.Call) error {
	for i, out := range c.Out {
		if from := (AdamW{}).Alias(i); &out.F32[0] != &c.In[from].F32[0] {
			return fmt.Errorf("adamw: output %d lies elsewhere than input %d, expected an update in place", i, from)
		}
	}
	if c.In[6].I32[0] != FlagGood {
		return nil
	}
	p, m, v, ema, g := c.In[0].F32, c.In[1].F32, c.In[2].F32, c.In[3].F32, c.In[4].F32
	s := c.State
	pass := func(from, to int, weightDecay float64) {
		k := simd.NewAdamWParams(clipFactor(float64(c.In[5].F32[0]), s), s.LearningRate, weightDecay, s.Beta1, s.Beta2,
			s.Epsilon, s.Correction1, s.Correction2, s.EMADecay)
		cpu.Of(q).Range(to-from, chunk, func(lo, hi int) {
			lo, hi = from+lo, from+hi
			simd.AdamW(p[lo:hi], m[lo:hi], v[lo:hi], ema[lo:hi], g[lo:hi], &k)
			if len(c.Out) > 4 {
				for i, x := range p[lo:hi] {
					c.Out[4].F32[lo+i] = kernels.RoundBF16(x)
				}
			}
		})
	}
	decayed := c.Op.(AdamW).DecayElements
	pass(0, decayed, s.WeightDecay)
	pass(decayed, c.In[0].C, 0)
	return nil
}
