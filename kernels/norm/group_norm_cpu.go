package norm

import (
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/simd"
)

// groupNormReference computes the mean and the biased variance of each group (Wu and He 2018, equation 2), or joins them from
// channelStats, then y.
func groupNormReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(GroupNorm)
	x, gamma, beta, ss, given := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3), kernels.In[T](c, 4)
	y, stats := kernels.Out[T](c, 0), kernels.Out[T](c, 1)
	drop := newDropout(op, c.State)
	size := x.C / op.Groups
	count := float64(x.H * x.W * size)
	value, spread := x.At, func(n, ch int) float64 { return 0 } // an element, and the squares of a channel that it leaves out
	if given.Ok() {
		value = func(n, _, _, ch int) float64 { return given.At(n, 0, 0, 2*ch) }
		spread = func(n, ch int) float64 { return given.At(n, 0, 0, 2*ch+1) }
	}
	for n := range x.N {
		for g := range op.Groups {
			var sum, squares float64
			eachOfGroup(x.Spec, g, size, func(h, w, ch int) { sum += value(n, h, w, ch) })
			mean := sum / count
			eachOfGroup(x.Spec, g, size, func(h, w, ch int) { squares += (value(n, h, w, ch) - mean) * (value(n, h, w, ch) - mean) })
			for ch := g * size; ch < (g+1)*size; ch++ {
				squares += spread(n, ch)
			}
			rstd := 1 / math.Sqrt(squares/count+op.Eps)
			stats.Set(n, 0, g, 0, mean)
			stats.Set(n, 0, g, 1, rstd)
			eachOfGroup(x.Spec, g, size, func(h, w, ch int) {
				z := (x.At(n, h, w, ch)-mean)*rstd*gamma.At(0, 0, 0, ch) + beta.At(0, 0, 0, ch)
				if ss.Ok() {
					z = z*(1+ss.At(n, 0, 0, ch)) + ss.At(n, 0, 0, x.C+ch)
				}
				y.Set(n, h, w, ch, op.Activation.Value(z)*drop.factor(n, (h*x.W+w)*x.C+ch))
			})
		}
	}
}

// eachOfGroup visits the elements of group g of size channels.
func eachOfGroup(x kernels.Spec, g, size int, fn func(h, w, c int)) {
	for h := range x.H {
		for w := range x.W {
			for c := g * size; c < (g+1)*size; c++ {
				fn(h, w, c)
			}
		}
	}
}

// groupNormCPU runs one task per image and band of groups.
func groupNormCPU(q kernels.Queue, c *kernels.Call) error {
	op := c.Op.(GroupNorm)
	bands := bandsOf(&c.In[0].Spec, op.Groups)
	cpu.Of(q).Tasks(c.In[0].N*bands.count, func(task, _ int) {
		s := newScratch(&c.In[0].Spec)
		defer s.release()
		b := bands.band(task)
		if operand(c.In, 4) != nil {
			s.given(c, b)
		} else {
			s.moments(c, b)
		}
		s.join(c, b)
		s.writeStats(c, b)
		s.fold(c, b)
		s.forward(c, b)
	})
	return nil
}

// moments leaves the mean of each channel in sumA and the sum of its squared differences in sumB, in one pass over the pixels.
// Channels are shifted by their first pixel, which keeps the squares small.
func (s *scratch) moments(c *kernels.Call, b band) {
	x := c.In[0]
	pixels := x.H * x.W
	pivot := x.F32[b.n*pixels*x.Pitch+b.c0:][:b.c]
	clear(s.sumA[:b.c])
	clear(s.sumB[:b.c])
	s.tiles(pixels, func(lo, rows int) {
		columnMoments(s.partA, s.partB, b.rows(x, lo), rows, b.c, pivot)
		s.total(b.c)
	})
	n := float64(pixels)
	for ch, first := range pivot {
		s.sumB[ch] -= s.sumA[ch] * s.sumA[ch] / n
		s.sumA[ch] = float64(first) + s.sumA[ch]/n
	}
}

// given takes the moments of each channel from channelStats.
func (s *scratch) given(c *kernels.Call, b band) {
	stats := c.In[4]
	row := stats.F32[b.n*stats.Pitch+2*b.c0:]
	for ch := range b.c {
		s.sumA[ch], s.sumB[ch] = float64(row[2*ch]), float64(row[2*ch+1])
	}
}

// join makes the mean and 1/standard deviation of each group from its channels' moments (Chan, Golub and LeVeque 1983).
func (s *scratch) join(c *kernels.Call, b band) {
	op := c.Op.(GroupNorm)
	n := float64(c.In[0].H * c.In[0].W)
	for g := range b.groups {
		var mean, m2 float64
		for _, m := range s.sumA[g*b.size : (g+1)*b.size] {
			mean += m
		}
		mean /= float64(b.size)
		for ch := g * b.size; ch < (g+1)*b.size; ch++ {
			off := s.sumA[ch] - mean
			m2 += s.sumB[ch] + n*off*off
		}
		s.mean[g] = mean
		s.rstd[g] = 1 / math.Sqrt(max(m2, 0)/(n*float64(b.size))+op.Eps)
	}
}

// writeStats stores the statistics of a band.
func (s *scratch) writeStats(c *kernels.Call, b band) {
	stats := c.Out[1]
	for g := range b.groups {
		row := stats.F32[(b.n*stats.W+b.g0+g)*stats.Pitch:]
		row[0], row[1] = float32(s.mean[g]), float32(s.rstd[g])
	}
}

// fold puts normalisation, gamma, beta and scaleShift into one scale and one shift a channel: z = x scale + shift.
func (s *scratch) fold(c *kernels.Call, b band) {
	gamma, beta := c.In[1].F32[b.c0:], c.In[2].F32[b.c0:]
	for ch := range b.c {
		g := ch / b.size
		scale := s.rstd[g] * float64(gamma[ch])
		shift := float64(beta[ch]) - s.mean[g]*scale
		if ss := operand(c.In, 3); ss != nil {
			row := ss.F32[b.n*ss.Pitch+b.c0:]
			factor := 1 + float64(row[ch])
			scale *= factor
			shift = shift*factor + float64(row[c.In[0].C+ch])
		}
		s.scale[ch], s.shift[ch] = float32(scale), float32(shift)
	}
}

// forward computes y from x, scale and shift.
func (s *scratch) forward(c *kernels.Call, b band) {
	op, x, y := c.Op.(GroupNorm), c.In[0], c.Out[0]
	drop := newDropout(op, c.State)
	scale, shift := simd.Row(s.scale), simd.Row(s.shift)
	s.tiles(x.H*x.W, func(lo, rows int) {
		out, in := b.rows(y, lo), b.rows(x, lo)
		switch op.Activation {
		case elementwise.SiLU:
			simd.AffineSiLURows(out, in, scale, shift, rows, b.c)
		case elementwise.GELU:
			simd.AffineRows(out, in, scale, shift, rows, b.c)
			simd.GELURows(out, out, rows, b.c)
		default:
			simd.AffineRows(out, in, scale, shift, rows, b.c)
		}
		if drop.active() {
			simd.MulRows(out, out, s.maskRows(drop, x, b, lo, rows), rows, b.c)
		}
	})
}
