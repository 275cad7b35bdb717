package linear

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// linearWgradReference computes dw[o][i] = sum_r dy[r][o] x[r][i] and db[o] = sum_r dy[r][o].
func linearWgradReference[T kernels.Float](c *kernels.Call) {
	x, dy := kernels.In[T](c, 0), kernels.In[T](c, 1)
	dw, db := kernels.Out[T](c, 0), kernels.Out[T](c, 1)
	sumRows := func(o int, factor func(n, h, p int) float64) float64 {
		var sum float64
		for n := range dy.N {
			for h := range dy.H {
				for p := range dy.W {
					sum += dy.At(n, h, p, o) * factor(n, h, p)
				}
			}
		}
		return sum
	}
	for o := range dy.C {
		for i := range x.C {
			dw.Set(o, 0, 0, i, sumRows(o, func(n, h, p int) float64 { return x.At(n, h, p, i) }))
		}
		if db.Ok() {
			db.Set(0, 0, 0, o, sumRows(o, func(_, _, _ int) float64 { return 1 }))
		}
	}
}

// linearWgradCPU gives each chunk of outputs one product over all rows and the matching part of the bias gradient.
func linearWgradCPU(q kernels.Queue, c *kernels.Call) error {
	x, dy, dw, db := c.In[0], c.In[1], c.Out[0], operand(c.Out, 1)
	rows := x.Rows()
	var beta float32
	if dw.Adds(c.State) {
		beta = 1
	}
	cpu.Of(q).Range(dy.C, grain(dy.C, rows*x.C), func(lo, hi int) {
		blas.Gemm(true, false, hi-lo, x.C, rows, 1, dy.F32[lo:], dy.Pitch, x.F32, x.Pitch, beta, dw.F32[lo*dw.Pitch:], dw.Pitch)
		if db != nil {
			columnSums(db.F32[lo:hi], dy.F32[lo:], dy.Pitch, rows, db.Adds(c.State))
		}
	})
	return nil
}

// partialRows is the number of rows that are summed in float32 before the sums go to float64.
const partialRows = 256

// columnSums writes or adds the sums of rows of len(dst) elements at the given pitch.
func columnSums(dst, rows []float32, pitch, n int, adds bool) {
	sums := make([]float64, len(dst))
	part := make([]float32, len(dst))
	for r0 := 0; r0 < n; r0 += partialRows {
		clear(part)
		for r := r0; r < min(r0+partialRows, n); r++ {
			row := rows[r*pitch:][:len(part)]
			for j, v := range row {
				part[j] += v
			}
		}
		for j, v := range part {
			sums[j] += float64(v)
		}
	}
	for j, s := range sums {
		if adds {
			s += float64(dst[j])
		}
		dst[j] = float32(s)
	}
}
