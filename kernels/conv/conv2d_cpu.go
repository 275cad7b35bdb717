package conv

import "github.com/unnoise/unnoise/kernels"

// conv2dReference is the definition in Geometry's comment, word for word.
func conv2dReference[T kernels.Float](c *kernels.Call) {
	g := c.Op.(Conv2D).Geometry
	x, w, y := kernels.In[T](c, inX), kernels.In[T](c, inW), kernels.Out[T](c, 0)
	bias, image, residual := kernels.In[T](c, inBias), kernels.In[T](c, inImageBias), kernels.In[T](c, inResidual)
	for n := range y.N {
		for oh := range y.H {
			for ow := range y.W {
				for o := range y.C {
					sum := dot(g, x, w, n, oh, ow, o)
					if bias.Ok() {
						sum += bias.At(0, 0, 0, o)
					}
					if image.Ok() {
						sum += image.At(n, 0, 0, o)
					}
					if residual.Ok() {
						sum += residual.At(n, oh, ow, o)
					}
					y.Set(n, oh, ow, o, sum)
				}
			}
		}
	}
	if c.Op.(Conv2D).ChannelStats {
		channelStats(y, kernels.Out[T](c, 1))
	}
}

// channelStats is the mean of each channel of each image and the sum of squared deviations from it.
func channelStats[T kernels.Float](y, stats kernels.View[T]) {
	for n := range y.N {
		for o := range y.C {
			each := func(f func(v float64)) {
				for p := range y.H * y.W {
					f(y.At(n, p/y.W, p%y.W, o))
				}
			}
			mean, squares := 0.0, 0.0
			each(func(v float64) { mean += v / float64(y.H*y.W) })
			each(func(v float64) { squares += (v - mean) * (v - mean) })
			stats.Set(n, 0, 0, 2*o, mean)
			stats.Set(n, 0, 0, 2*o+1, squares)
		}
	}
}

// dot is one output value without the additions.
func dot[T kernels.Float](g Geometry, x, w kernels.View[T], n, oh, ow, o int) float64 {
	sum := 0.0
	for r := range g.KH {
		ih, ok := g.source(oh, r, g.PadTop, x.H)
		if !ok {
			continue
		}
		for s := range g.KW {
			iw, ok := g.source(ow, s, g.PadLeft, x.W)
			if !ok {
				continue
			}
			for i := range x.C {
				sum += w.At(o, r, s, i) * x.At(n, ih, iw, i)
			}
		}
	}
	return sum
}

// conv2dDgradReference: dx[n,ih,iw,i] = residual + sum over o and all (oh,r), (ow,s) that read that input of w[o,r,s,i] * dy[n,oh,ow,o].
func conv2dDgradReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(Conv2DDgrad)
	dy, w, residual, dx := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.Out[T](c, 0)
	sum := make([]float64, dx.H*dx.W*dx.C)
	for n := range dx.N {
		clear(sum)
		scatterReference(op, dy, w, n, sum)
		for h := range dx.H {
			for wd := range dx.W {
				for i := range dx.C {
					v := sum[(h*dx.W+wd)*dx.C+i]
					if residual.Ok() {
						v += residual.At(n, h, wd, i)
					}
					dx.Set(n, h, wd, i, v)
				}
			}
		}
	}
}

func scatterReference[T kernels.Float](op Conv2DDgrad, dy, w kernels.View[T], n int, sum []float64) {
	for oh := range dy.H {
		for r := range op.KH {
			ih, ok := op.source(oh, r, op.PadTop, op.H)
			if !ok {
				continue
			}
			for ow := range dy.W {
				for s := range op.KW {
					iw, ok := op.source(ow, s, op.PadLeft, op.W)
					if !ok {
						continue
					}
					for i := range w.C {
						at := (ih*op.W+iw)*w.C + i
						for o := range dy.C {
							sum[at] += w.At(o, r, s, i) * dy.At(n, oh, ow, o)
						}
					}
				}
			}
		}
	}
}

// conv2dWgradReference: dw[o,r,s,i] = sum over n, oh, ow of dy[n,oh,ow,o] * x[n,ih,iw,i]; dbias[o] = sum of dy[n,oh,ow,o].
func conv2dWgradReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(Conv2DWgrad)
	x, dy, dw := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	for o := range dw.N {
		for r := range op.KH {
			for s := range op.KW {
				for i := range dw.C {
					dw.Set(o, r, s, i, wgradSum(op.Geometry, x, dy, o, r, s, i))
				}
			}
		}
	}
	if !op.Bias {
		return
	}
	db := kernels.Out[T](c, 1)
	for o := range db.C {
		sum := 0.0
		for n := range dy.N {
			for oh := range dy.H {
				for ow := range dy.W {
					sum += dy.At(n, oh, ow, o)
				}
			}
		}
		db.Set(0, 0, 0, o, sum)
	}
}

func wgradSum[T kernels.Float](g Geometry, x, dy kernels.View[T], o, r, s, i int) float64 {
	sum := 0.0
	for oh := range dy.H {
		ih, ok := g.source(oh, r, g.PadTop, x.H)
		if !ok {
			continue
		}
		for ow := range dy.W {
			iw, ok := g.source(ow, s, g.PadLeft, x.W)
			if !ok {
				continue
			}
			for n := range x.N {
				sum += dy.At(n, oh, ow, o) * x.At(n, ih, iw, i)
			}
		}
	}
	return sum
}
