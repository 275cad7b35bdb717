package loss

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

func lossGradReference[T kernels.Float](c *kernels.Call) {
	l := Loss(c.Op.(LossGrad))
	pred, target, weight, dmean := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3)
	dpred := kernels.Out[T](c, 0)
	scale := c.State.LossScale / float64(pred.Elements())
	if dmean.Ok() {
		scale *= dmean.At(0, 0, 0, 0)
	}
	elementwise.Each(pred.Spec, func(n, h, w, ch int) {
		d := scale * l.derivative(pred.At(n, h, w, ch)-target.At(n, h, w, ch))
		if weight.Ok() {
			d *= weight.At(n, 0, 0, 0)
		}
		dpred.Set(n, h, w, ch, d)
	})
}

func lossGradCPU(q kernels.Queue, c *kernels.Call) error {
	l, pred, target, dpred := Loss(c.Op.(LossGrad)), c.In[0], c.In[1], c.Out[0]
	weight := optional(c, 2)
	scale := c.State.LossScale / float64(pred.Elements())
	if dmean := optional(c, 3); dmean != nil {
		scale *= float64(dmean.F32[0])
	}
	cpu.Of(q).Range(pred.N, grain(pred.Spec), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			s := scale
			if weight != nil {
				s *= float64(weight.F32[n*weight.Pitch])
			}
			l.sampleGrad(dpred, pred, target, n, s)
		}
	})
	return nil
}

// sampleGrad writes scale * derivative of the element loss for sample n.
func (l Loss) sampleGrad(dpred, pred, target *kernels.Operand, n int, scale float64) {
	pixels := pred.H * pred.W
	twice := 2 * scale
	for r := n * pixels; r < (n+1)*pixels; r++ {
		out := dpred.F32[r*dpred.Pitch : r*dpred.Pitch+dpred.C]
		a, b := pred.F32[r*pred.Pitch:r*pred.Pitch+pred.C], target.F32[r*target.Pitch:r*target.Pitch+pred.C]
		if l.Kind == MSE {
			for i, v := range a {
				out[i] = float32(twice * (float64(v) - float64(b[i])))
			}
			continue
		}
		for i, v := range a {
			out[i] = float32(scale * l.derivative(float64(v)-float64(b[i])))
		}
	}
}
