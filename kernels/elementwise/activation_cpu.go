package elementwise

import "github.com/unnoise/unnoise/kernels"

// activationReference is y = x sigmoid(x) (Elfwing, Uchibe and Doya 2017, equation 4) or y = x Phi(x) (Hendrycks and
// Gimpel 2016, section 2).
func activationReference[T kernels.Float](c *kernels.Call) {
	k := c.Op.(Activation).Kind
	x, y := kernels.In[T](c, 0), kernels.Out[T](c, 0)
	Each(y.Spec, func(n, h, w, ch int) { y.Set(n, h, w, ch, k.Value(x.At(n, h, w, ch))) })
}

func activationCPU(q kernels.Queue, c *kernels.Call) error {
	k, x, y := c.Op.(Activation).Kind, c.In[0], c.Out[0]
	Blocks(q, func(b Block) { k.Rows(b.Of(y), b.Of(x), b.Count, b.C) }, y, x)
	return nil
}
