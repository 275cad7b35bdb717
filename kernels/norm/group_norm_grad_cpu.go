package norm

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/simd"
)

// groupNormGradReference differentiates groupNormReference; the formulas stand at GroupNormGrad.
func groupNormGradReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(GroupNormGrad)
	x, gamma, beta, ss := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3)
	stats, dy, residual := kernels.In[T](c, 4), kernels.In[T](c, 5), kernels.In[T](c, 6)
	dx, dgamma, dbeta, dss := kernels.Out[T](c, 0), kernels.Out[T](c, 1), kernels.Out[T](c, 2), kernels.Out[T](c, 3)
	drop := newDropout(GroupNorm(op), c.State)
	size := x.C / op.Groups
	count := float64(x.H * x.W * size)
	sumGamma, sumBeta := make([]float64, x.C), make([]float64, x.C)
	for n := range x.N {
		dzXhat, dzSum := make([]float64, x.C), make([]float64, x.C)
		for g := range op.Groups {
			mean, rstd := stats.At(n, 0, g, 0), stats.At(n, 0, g, 1)
			factor := func(ch int) float64 {
				if ss.Ok() {
					return 1 + ss.At(n, 0, 0, ch)
				}
				return 1
			}
			// at returns xhat and dz of an element.
			at := func(h, w, ch int) (xhat, dz float64) {
				xhat = (x.At(n, h, w, ch) - mean) * rstd
				z := (xhat*gamma.At(0, 0, 0, ch) + beta.At(0, 0, 0, ch)) * factor(ch)
				if ss.Ok() {
					z += ss.At(n, 0, 0, x.C+ch)
				}
				return xhat, dy.At(n, h, w, ch) * drop.factor(n, (h*x.W+w)*x.C+ch) * op.Activation.Derivative(z)
			}
			var avg, avgXhat float64
			eachOfGroup(x.Spec, g, size, func(h, w, ch int) {
				xhat, dz := at(h, w, ch)
				dzXhat[ch] += dz * xhat
				dzSum[ch] += dz
				dxhat := dz * factor(ch) * gamma.At(0, 0, 0, ch)
				avg += dxhat / count
				avgXhat += dxhat * xhat / count
			})
			eachOfGroup(x.Spec, g, size, func(h, w, ch int) {
				xhat, dz := at(h, w, ch)
				d := (dz*factor(ch)*gamma.At(0, 0, 0, ch) - avg - xhat*avgXhat) * rstd
				if residual.Ok() {
					d += residual.At(n, h, w, ch)
				}
				dx.Set(n, h, w, ch, d)
			})
			for ch := g * size; ch < (g+1)*size; ch++ {
				sumGamma[ch] += dzXhat[ch] * factor(ch)
				sumBeta[ch] += dzSum[ch] * factor(ch)
				if dss.Ok() {
					dss.Set(n, 0, 0, ch, dzXhat[ch]*gamma.At(0, 0, 0, ch)+dzSum[ch]*beta.At(0, 0, 0, ch))
					dss.Set(n, 0, 0, x.C+ch, dzSum[ch])
				}
			}
		}
	}
	for ch := range x.C {
		dgamma.Set(0, 0, 0, ch, sumGamma[ch])
		dbeta.Set(0, 0, 0, ch, sumBeta[ch])
	}
}

// groupNormGradWorkspace holds each image's share of dgamma and dbeta.
func groupNormGradWorkspace(c *kernels.Call, _ kernels.Props) int64 {
	return 4 * 2 * int64(c.In[0].N) * int64(c.In[0].C)
}

// groupNormGradCPU runs one task per image and band of groups, then adds the images' shares in order.
func groupNormGradCPU(q kernels.Queue, c *kernels.Call) error {
	op := c.Op.(GroupNormGrad)
	bands := bandsOf(&c.In[0].Spec, op.Groups)
	cpu.Of(q).Tasks(c.In[0].N*bands.count, func(task, _ int) {
		s := newScratch(&c.In[0].Spec)
		defer s.release()
		b := bands.band(task)
		s.readStats(c, b)
		s.fold(c, b)
		s.sums(c, b)
		s.parameterShares(c, b)
		s.inputGrad(c, b)
	})
	addShares(c.Out[1], c.State, c.Workspace, c.In[0].N, 0)
	addShares(c.Out[2], c.State, c.Workspace, c.In[0].N, c.In[0].C)
	return nil
}

// addShares sums one half of the images' shares.
func addShares(out *kernels.Operand, state *kernels.StepState, shares []float32, images, offset int) {
	for ch := range out.C {
		var sum float64
		if out.Adds(state) {
			sum = float64(out.F32[ch])
		}
		for n := range images {
			sum += float64(shares[n*2*out.C+offset+ch])
		}
		out.F32[ch] = float32(sum)
	}
}

func (s *scratch) readStats(c *kernels.Call, b band) {
	stats := c.In[4]
	for g := range b.groups {
		row := stats.F32[(b.n*stats.W+b.g0+g)*stats.Pitch:]
		s.mean[g], s.rstd[g] = float64(row[0]), float64(row[1])
	}
}

// sums computes dz and its sums a channel: sumA of dz, sumB of dz xhat. Where dz is not dy itself it stays in dx.
func (s *scratch) sums(c *kernels.Call, b band) {
	x := c.In[0]
	for ch := range b.c {
		s.center[ch] = float32(s.mean[ch/b.size])
	}
	clear(s.sumA[:b.c])
	clear(s.sumB[:b.c])
	s.tiles(x.H*x.W, func(lo, rows int) {
		dz := s.upstream(c, b, lo, rows)
		columnProducts(s.partA, s.partB, dz, b.rows(x, lo), rows, b.c, s.center)
		s.total(b.c)
	})
	for ch := range b.c {
		s.sumB[ch] *= s.rstd[ch/b.size]
	}
}

// upstream returns the rows of dz of a tile.
func (s *scratch) upstream(c *kernels.Call, b band, lo, rows int) simd.Rows {
	op, x := GroupNorm(c.Op.(GroupNormGrad)), c.In[0]
	in, out, dy := b.rows(x, lo), b.rows(c.Out[0], lo), b.rows(c.In[5], lo)
	if drop := newDropout(op, c.State); drop.active() {
		simd.MulRows(out, dy, s.maskRows(drop, x, b, lo, rows), rows, b.c)
		dy = out
	}
	scale, shift := simd.Row(s.scale), simd.Row(s.shift)
	switch op.Activation {
	case elementwise.SiLU:
		simd.AffineSiLUGradRows(out, in, scale, shift, dy, rows, b.c)
		return out
	case elementwise.GELU:
		z := simd.Rows{Data: s.tile, Pitch: b.c}
		simd.AffineRows(z, in, scale, shift, rows, b.c)
		simd.GELUGradRows(out, z, dy, rows, b.c)
		return out
	}
	return dy
}

// parameterShares writes what the image adds to dgamma and dbeta, and the gradient of scaleShift.
func (s *scratch) parameterShares(c *kernels.Call, b band) {
	width := c.In[0].C
	gamma, beta := c.In[1].F32[b.c0:], c.In[2].F32[b.c0:]
	shares := c.Workspace[b.n*2*width+b.c0:]
	ss := operand(c.In, 3)
	for ch := range b.c {
		factor := 1.0
		if ss != nil {
			factor += float64(ss.F32[b.n*ss.Pitch+b.c0+ch])
			row := c.Out[3].F32[b.n*c.Out[3].Pitch+b.c0:]
			row[ch] = float32(s.sumB[ch]*float64(gamma[ch]) + s.sumA[ch]*float64(beta[ch]))
			row[width+ch] = float32(s.sumA[ch])
		}
		shares[ch] = float32(s.sumB[ch] * factor)
		shares[width+ch] = float32(s.sumA[ch] * factor)
	}
}

// inputGrad computes dx = scale dz + slope x + lift + residual; fold left in scale what dz is multiplied by, and the averages
// over the group are linear in x.
func (s *scratch) inputGrad(c *kernels.Call, b band) {
	x, dx, residual := c.In[0], c.Out[0], operand(c.In, 6)
	count := float64(x.H * x.W * b.size)
	for g := range b.groups {
		var avg, avgXhat float64 // both times rstd
		for ch := g * b.size; ch < (g+1)*b.size; ch++ {
			avg += float64(s.scale[ch]) * s.sumA[ch] / count
			avgXhat += float64(s.scale[ch]) * s.sumB[ch] / count
		}
		for ch := g * b.size; ch < (g+1)*b.size; ch++ {
			s.slope[ch] = float32(-avgXhat * s.rstd[g])
			s.lift[ch] = float32(avgXhat*s.rstd[g]*s.mean[g] - avg)
		}
	}
	op := c.Op.(GroupNormGrad)
	dz := dx
	if op.Activation == elementwise.None && !newDropout(GroupNorm(op), c.State).active() {
		dz = c.In[5]
	}
	s.tiles(x.H*x.W, func(lo, rows int) {
		out := b.rows(dx, lo)
		combine(out, b.rows(dz, lo), b.rows(x, lo), rows, b.c, s.scale, s.slope, s.lift)
		if residual != nil {
			simd.AddRows(out, out, b.rows(residual, lo), rows, b.c)
		}
	})
}
