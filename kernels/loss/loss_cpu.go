package loss

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// value returns the element loss of a difference; Huber (1964), equation 2.
func (l Loss) value(d float64) float64 {
	a := math.Abs(d)
	switch {
	case l.Kind == L1:
		return a
	case l.Kind == MSE:
		return d * d
	case a <= l.Delta:
		return 0.5 * d * d
	}
	return l.Delta * (a - 0.5*l.Delta)
}

// derivative returns the derivative of the element loss; that of |d| at 0 is 0.
func (l Loss) derivative(d float64) float64 {
	switch {
	case l.Kind == MSE:
		return 2 * d
	case l.Kind == Huber && math.Abs(d) <= l.Delta:
		return d
	case l.Kind == Huber:
		return math.Copysign(l.Delta, d)
	case d > 0:
		return 1
	case d < 0:
		return -1
	}
	return d // 0 or NaN
}

func lossReference[T kernels.Float](c *kernels.Call) {
	l, pred, target, weight := c.Op.(Loss), kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2)
	mean, perSample := kernels.Out[T](c, 0), kernels.Out[T](c, 1)
	sums := make([]float64, pred.N)
	elementwise.Each(pred.Spec, func(n, h, w, ch int) {
		sums[n] += l.value(pred.At(n, h, w, ch) - target.At(n, h, w, ch))
	})
	var total float64
	for n, s := range sums {
		s /= float64(pred.H * pred.W * pred.C)
		perSample.Set(n, 0, 0, 0, s)
		if weight.Ok() {
			s *= weight.At(n, 0, 0, 0)
		}
		total += s
	}
	mean.Set(0, 0, 0, 0, total/float64(pred.N))
}

// taskElements is about how many elements a task takes: several small samples together.
const taskElements = 4096

// grain returns the number of samples in a task.
func grain(s kernels.Spec) int { return max(1, taskElements/(s.H*s.W*s.C)) }

func lossCPU(q kernels.Queue, c *kernels.Call) error {
	l, pred, target := c.Op.(Loss), c.In[0], c.In[1]
	perSample := c.Out[1]
	weight := optional(c, 2)
	count := float64(pred.H * pred.W * pred.C)
	total := cpu.Of(q).SumRange(pred.N, grain(pred.Spec), func(lo, hi int) float64 {
		var part float64
		for n := lo; n < hi; n++ {
			s := l.sampleSum(pred, target, n) / count
			perSample.F32[n*perSample.Pitch] = float32(s)
			if weight != nil {
				s *= float64(weight.F32[n*weight.Pitch])
			}
			part += s
		}
		return part
	})
	c.Out[0].F32[0] = float32(total / float64(pred.N))
	return nil
}

// optional returns input i, nil where it is absent.
func optional(c *kernels.Call, i int) *kernels.Operand {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// sampleSum returns the sum of the element losses of sample n.
func (l Loss) sampleSum(pred, target *kernels.Operand, n int) float64 {
	var sum float64
	pixels := pred.H * pred.W
	for r := n * pixels; r < (n+1)*pixels; r++ {
		a, b := pred.F32[r*pred.Pitch:r*pred.Pitch+pred.C], target.F32[r*target.Pitch:r*target.Pitch+pred.C]
		if l.Kind == MSE {
			for i, v := range a {
				d := float64(v - b[i])
				sum += d * d
			}
			continue
		}
		for i, v := range a {
			sum += l.value(float64(v) - float64(b[i]))
		}
	}
	return sum
}
