package elementwise

import "github.com/unnoise/unnoise/kernels"

func activationGradReference[T kernels.Float](c *kernels.Call) {
	k := c.Op.(ActivationGrad).Kind
	x, dy, dx := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	Each(dx.Spec, func(n, h, w, ch int) {
		dx.Set(n, h, w, ch, dy.At(n, h, w, ch)*k.Derivative(x.At(n, h, w, ch)))
	})
}

func activationGradCPU(q kernels.Queue, c *kernels.Call) error {
	k, x, dy, dx := c.Op.(ActivationGrad).Kind, c.In[0], c.In[1], c.Out[0]
	Blocks(q, func(b Block) { k.GradRows(b.Of(dx), b.Of(x), b.Of(dy), b.Count, b.C) }, dx, x, dy)
	return nil
}
