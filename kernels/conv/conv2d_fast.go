package conv

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

var conv2dFast = kernels.Func("cpu", 1, "im2col", "im2col in cache-sized blocks and BLAS", float32Only,
	func(c *kernels.Call, p kernels.Props) int64 {
		cl := newColumns(c.Op.(Conv2D).Geometry, c.In[inX])
		return 4 * int64(p.Workers*cl.floats()+c.In[inW].Elements())
	},
	func(q kernels.Queue, c *kernels.Call) error {
		qc, w := cpu.Of(q), c.In[inW]
		cl := newColumns(c.Op.(Conv2D).Geometry, c.In[inX])
		weights, buf := c.Workspace[:w.Elements()], c.Workspace[w.Elements():]
		if w.Pitch == w.C {
			weights = w.F32
		} else {
			packWeights(weights, w)
		}
		product(qc, cl, weights, addends{optional(c, inBias), optional(c, inImageBias), optional(c, inResidual)}, c.Out[0], buf)
		if c.Op.(Conv2D).ChannelStats {
			statsFast(qc, c.Out[0], c.Out[1])
		}
		return nil
	})

// statsFast takes the statistics of images row by row, one task an image. Channels are shifted by their first pixel, which keeps the
// squares small.
func statsFast(q *cpu.Queue, y, stats *kernels.Operand) {
	pixels := y.H * y.W
	q.Tasks(y.N, func(n, _ int) {
		image := y.F32[n*pixels*y.Pitch:]
		sum, square := make([]float64, y.C), make([]float64, y.C)
		for p := range pixels {
			for c, v := range image[p*y.Pitch : p*y.Pitch+y.C] {
				d := float64(v) - float64(image[c])
				sum[c] += d
				square[c] += d * d
			}
		}
		row := stats.F32[n*stats.Pitch:]
		for c := range y.C {
			mean := sum[c] / float64(pixels)
			row[2*c], row[2*c+1] = float32(float64(image[c])+mean), float32(square[c]-sum[c]*mean)
		}
	})
}

func optional(c *kernels.Call, i int) *kernels.Operand {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// transposable reports whether dgrad is a convolution of dy with the flipped, transposed weights.
func (op Conv2DDgrad) transposable() bool {
	oh, ow := op.Size(op.H, op.W)
	return op.stride() == 1 && !op.Upsample2x && (!op.Circular || oh == op.H && ow == op.W)
}

// flipped is that convolution's geometry: paddings may be negative.
func (op Conv2DDgrad) flipped() Geometry {
	g := op.Geometry
	d := g.dilation()
	g.PadTop, g.PadBottom = (g.KH-1)*d-g.PadTop, (g.KH-1)*d-g.PadBottom
	g.PadLeft, g.PadRight = (g.KW-1)*d-g.PadLeft, (g.KW-1)*d-g.PadRight
	return g
}

var conv2dDgradFast = kernels.Func("cpu", 1, "im2col", "im2col of dy with flipped weights; strided and enlarged ones scatter the product with the weights",
	float32Only,
	func(c *kernels.Call, p kernels.Props) int64 {
		op, w := c.Op.(Conv2DDgrad), c.In[1]
		if op.transposable() {
			return 4 * int64(p.Workers*newColumns(op.flipped(), c.In[0]).floats()+w.Elements())
		}
		return 4 * int64(p.Workers*scatterRows(c)*c.In[0].W*op.KH*op.KW*w.C+w.Elements())
	},
	func(q kernels.Queue, c *kernels.Call) error {
		op, w := c.Op.(Conv2DDgrad), c.In[1]
		weights, buf := c.Workspace[:w.Elements()], c.Workspace[w.Elements():]
		if op.transposable() {
			flipWeights(cpu.Of(q), weights, w)
			product(cpu.Of(q), newColumns(op.flipped(), c.In[0]), weights, addends{residual: optional(c, 2)}, c.Out[0], buf)
			return nil
		}
		packWeights(weights, w)
		scatterAll(cpu.Of(q), op, c, weights, buf)
		return nil
	})

// flipWeights makes (Ci, KH, KW, Co) with taps in reverse order from (Co, KH, KW, Ci).
func flipWeights(q *cpu.Queue, dst []float32, w *kernels.Operand) {
	taps := w.H * w.W
	q.Range(taps, 1, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			for o := range w.N {
				src := w.F32[(o*taps+t)*w.Pitch:]
				for i := range w.C {
					dst[(i*taps+taps-1-t)*w.N+o] = src[i]
				}
			}
		}
	})
}

// scatterRows is how many rows of dy a block of the scattering variant takes.
func scatterRows(c *kernels.Call) int {
	dy, w := c.In[0], c.In[1]
	return min(dy.H, max(1, blockFloats/(w.H*w.W*w.C*dy.W)))
}

// scatterAll computes dx image by image: blocks of dy times the weights, added to the pixels they were gathered from.
func scatterAll(q *cpu.Queue, op Conv2DDgrad, c *kernels.Call, weights, buf []float32) {
	dy, w, dx, residual := c.In[0], c.In[1], c.Out[0], optional(c, 2)
	k, rows := w.H*w.W*w.C, scatterRows(c)
	size := rows * dy.W * k
	tapRow, tapCol := taps(op.Geometry, dy.H, op.KH, op.PadTop, op.H), taps(op.Geometry, dy.W, op.KW, op.PadLeft, op.W)
	q.Tasks(dy.N, func(n, worker int) {
		addends{residual: residual}.fill(dx, n*dx.H, (n+1)*dx.H)
		image := dx.F32[n*dx.H*dx.W*dx.Pitch:]
		col := buf[worker*size : (worker+1)*size]
		for lo := 0; lo < dy.H; lo += rows {
			hi := min(lo+rows, dy.H)
			a := dy.F32[(n*dy.H+lo)*dy.W*dy.Pitch:]
			blas.Gemm(false, false, (hi-lo)*dy.W, k, dy.C, 1, a, dy.Pitch, weights, k, 0, col, k)
			for oh := lo; oh < hi; oh++ {
				for ow := range dy.W {
					at := ((oh-lo)*dy.W + ow) * k
					scatterPixel(col[at:at+k], image, dx, tapRow[oh*op.KH:(oh+1)*op.KH], tapCol[ow*op.KW:(ow+1)*op.KW])
				}
			}
		}
	})
}

func scatterPixel(col, image []float32, dx *kernels.Operand, rows, cols []int32) {
	ci := dx.C
	for r, ih := range rows {
		if ih < 0 {
			continue
		}
		for s, iw := range cols {
			if iw < 0 {
				continue
			}
			at := (int(ih)*dx.W + int(iw)) * dx.Pitch
			simd.AddTo(image[at:at+ci], col[(r*len(cols)+s)*ci:(r*len(cols)+s+1)*ci])
		}
	}
}

// wgradSplits is how many partial sums the pixels are split into; it depends on the shape alone.
func wgradSplits(cl *columns) int { return min(16, cl.blocks) }

var conv2dWgradFast = kernels.Func("cpu", 1, "im2col", "im2col in blocks, partial sums over fixed ranges of pixels added in order", float32Only,
	func(c *kernels.Call, p kernels.Props) int64 {
		cl := newColumns(c.Op.(Conv2DWgrad).Geometry, c.In[0])
		return 4 * int64(p.Workers*cl.floats()+wgradSplits(cl)*c.In[1].C*(cl.k+1))
	},
	func(q kernels.Queue, c *kernels.Call) error {
		qc, dy, op := cpu.Of(q), c.In[1], c.Op.(Conv2DWgrad)
		cl := newColumns(op.Geometry, c.In[0])
		splits, co := wgradSplits(cl), dy.C
		part, sums := c.Workspace[:splits*co*cl.k], c.Workspace[splits*co*cl.k:splits*co*(cl.k+1)]
		buf := c.Workspace[splits*co*(cl.k+1):]
		qc.Tasks(splits, func(split, worker int) {
			dw, db := part[split*co*cl.k:(split+1)*co*cl.k], sums[split*co:(split+1)*co]
			clear(db)
			first := split * cl.blocks / splits
			for block := first; block < (split+1)*cl.blocks/splits; block++ {
				lo, hi := cl.span(block)
				a, lda := cl.gather(buf[worker*cl.floats():(worker+1)*cl.floats()], lo, hi)
				beta := float32(1)
				if block == first {
					beta = 0
				}
				blas.Gemm(true, false, cl.k, co, (hi-lo)*cl.ow, 1, a, lda, dy.F32[lo*cl.ow*dy.Pitch:], dy.Pitch, beta, dw, co)
				if op.Bias {
					for p := lo * cl.ow; p < hi*cl.ow; p++ {
						simd.AddTo(db, dy.F32[p*dy.Pitch:p*dy.Pitch+co])
					}
				}
			}
		})
		sumParts(qc, part, splits)
		storeWeights(qc, c, part)
		if op.Bias {
			sumParts(qc, sums, splits)
			storeBias(c, sums)
		}
		return nil
	})

// sumParts adds equal parts of a slice in order into the first.
func sumParts(q *cpu.Queue, part []float32, splits int) {
	n := len(part) / splits
	q.Range(n, 4096, func(lo, hi int) {
		for s := 1; s < splits; s++ {
			simd.AddTo(part[lo:hi], part[s*n+lo:s*n+hi])
		}
	})
}

// storeWeights writes or adds (KH*KW*Ci, Co) sums to the gradient (Co, KH, KW, Ci).
func storeWeights(q *cpu.Queue, c *kernels.Call, sums []float32) {
	dw := c.Out[0]
	taps, adds := dw.H*dw.W, dw.Adds(c.State)
	q.Range(dw.N, 8, func(lo, hi int) {
		for o := lo; o < hi; o++ {
			for t := range taps {
				dst, src := dw.F32[(o*taps+t)*dw.Pitch:], sums[t*dw.C*dw.N+o:]
				for i := range dw.C {
					if adds {
						dst[i] += src[i*dw.N]
					} else {
						dst[i] = src[i*dw.N]
					}
				}
			}
		}
	})
}

func storeBias(c *kernels.Call, sums []float32) {
	db := c.Out[1]
	if db.Adds(c.State) {
		simd.AddTo(db.F32[:db.C], sums)
		return
	}
	copy(db.F32[:db.C], sums)
}
