package diffusion

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// pass returns the gradients of x, out and z for a gradient dy of x_prev.
func (k *coefficients) pass(x, out, dy, clip float64) (dx, dout, dz float64) {
	dx, dout = k.prev.x*dy, k.prev.out*dy
	if _, free := k.clean(x, out, bound{clip, 1}); free {
		dx += k.fromX * k.prev.x0 * dy
		dout += k.fromOut * k.prev.x0 * dy
	}
	return dx, dout, k.prev.z * dy
}

func reverseUpdateGradReference[T kernels.Float](c *kernels.Call) {
	o := c.Op.(ReverseUpdateGrad)
	x, out, dy := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 3)
	dx, dout, dz := kernels.Out[T](c, 0), kernels.Out[T](c, 1), kernels.Out[T](c, 2)
	k := coefficientsOf(kernels.In[T](c, 2), c.State, 0)
	elementwise.Each(x.Spec, func(n, h, w, ch int) {
		a, b, z := k.pass(x.At(n, h, w, ch), out.At(n, h, w, ch), dy.At(n, h, w, ch), o.Clip)
		dx.Set(n, h, w, ch, a)
		dout.Set(n, h, w, ch, b)
		dz.Set(n, h, w, ch, z)
	})
}

func reverseUpdateGradCPU(q kernels.Queue, c *kernels.Call) error {
	o, x := c.Op.(ReverseUpdateGrad), c.In[0]
	k, err := rowOf(o.Name(), c.In[2], c.State, 0)
	if err != nil {
		return err
	}
	eachSample(q, x.Spec, func(n, _ int) {
		var in, out [3]rows
		for i, from := range []*kernels.Operand{x, c.In[1], c.In[3]} {
			in[i], out[i] = rowsOf(from, n), rowsOf(c.Out[i], n)
		}
		for p := range x.H * x.W {
			a, b, dy := in[0].at(p, x.C), in[1].at(p, x.C), in[2].at(p, x.C)
			dx, dout, dz := out[0].at(p, x.C), out[1].at(p, x.C), out[2].at(p, x.C)
			for i := range a {
				gx, gout, gz := k.pass(float64(a[i]), float64(b[i]), float64(dy[i]), o.Clip)
				dx[i], dout[i], dz[i] = float32(gx), float32(gout), float32(gz)
			}
		}
	})
	return nil
}
