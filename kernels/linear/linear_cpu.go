package linear

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// linearReference computes y[r][o] = sum_i x[r][i] w[o][i] + bias[o] + residual[r][o].
func linearReference[T kernels.Float](c *kernels.Call) {
	x, w, bias, residual := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2), kernels.In[T](c, 3)
	y := kernels.Out[T](c, 0)
	for n := range y.N {
		for h := range y.H {
			for p := range y.W {
				for o := range y.C {
					var sum float64
					for i := range x.C {
						sum += x.At(n, h, p, i) * w.At(o, 0, 0, i)
					}
					if bias.Ok() {
						sum += bias.At(0, 0, 0, o)
					}
					if residual.Ok() {
						sum += residual.At(n, h, p, o)
					}
					y.Set(n, h, p, o, sum)
				}
			}
		}
	}
}

// linearCPU runs one product per chunk of rows; a BLAS scales the result matrix before it adds to it, so bias and residual
// written there first cost nothing more than the zeros would. Few rows are split over the outputs instead.
func linearCPU(q kernels.Queue, c *kernels.Call) error {
	x, w, y := c.In[0], c.In[1], c.Out[0]
	bias, residual := operand(c.In, 2), operand(c.In, 3)
	block := func(r0, r1, o0, o1 int) {
		out := y.F32[r0*y.Pitch+o0:]
		beta := seed(out, y.Pitch, r0, r1, o0, o1, bias, residual)
		blas.Gemm(false, true, r1-r0, o1-o0, x.C, 1, x.F32[r0*x.Pitch:], x.Pitch, w.F32[o0*w.Pitch:], w.Pitch, beta, out, y.Pitch)
	}
	rows := y.Rows()
	if rows < fewRows {
		cpu.Of(q).Range(y.C, grain(y.C, rows*x.C), func(lo, hi int) { block(0, rows, lo, hi) })
		return nil
	}
	cpu.Of(q).Range(rows, grain(rows, x.C*y.C), func(lo, hi int) { block(lo, hi, 0, y.C) })
	return nil
}

// seed writes bias + residual to the block of rows r0..r1-1 and columns o0..o1-1 that out begins at, and returns the beta
// with which the product is added to it: 0 where neither is there.
func seed(out []float32, pitch, r0, r1, o0, o1 int, bias, residual *kernels.Operand) float32 {
	if bias == nil && residual == nil {
		return 0
	}
	for r := r0; r < r1; r++ {
		row := out[(r-r0)*pitch:][:o1-o0]
		switch {
		case residual == nil:
			copy(row, bias.F32[o0:o1])
		case bias == nil:
			copy(row, residual.F32[r*residual.Pitch+o0:])
		default:
			add := residual.F32[r*residual.Pitch+o0:]
			for j, b := range bias.F32[o0:o1] {
				row[j] = b + add[j]
			}
		}
	}
	return 1
}
