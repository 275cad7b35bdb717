package elementwise

import "github.com/unnoise/unnoise/kernels"

func resampleGradReference[T kernels.Float](c *kernels.Call) {
	k := c.Op.(ResampleGrad).Kind
	dy, dx := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(dx.Spec, func(n, h, w, ch int) {
		switch {
		case k == Nearest2:
			dx.Set(n, h, w, ch, dy.At(n, 2*h, 2*w, ch)+dy.At(n, 2*h, 2*w+1, ch)+dy.At(n, 2*h+1, 2*w, ch)+dy.At(n, 2*h+1, 2*w+1, ch))
		case h/2 < dy.H && w/2 < dy.W:
			dx.Set(n, h, w, ch, dy.At(n, h/2, w/2, ch)/4)
		default:
			dx.Set(n, h, w, ch, 0)
		}
	})
}

func resampleGradCPU(q kernels.Queue, c *kernels.Call) error {
	dy, dx := c.In[0], c.Out[0]
	if c.Op.(ResampleGrad).Kind == Nearest2 {
		poolSum(q, dx, dy, 1)
	} else {
		spread(q, dx, dy, 0.25)
	}
	return nil
}
