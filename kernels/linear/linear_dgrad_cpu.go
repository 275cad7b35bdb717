package linear

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// linearDgradReference computes dx[r][i] = sum_o dy[r][o] w[o][i] + residual[r][i].
func linearDgradReference[T kernels.Float](c *kernels.Call) {
	dy, w, residual := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.In[T](c, 2)
	dx := kernels.Out[T](c, 0)
	for n := range dx.N {
		for h := range dx.H {
			for p := range dx.W {
				for i := range dx.C {
					var sum float64
					for o := range dy.C {
						sum += dy.At(n, h, p, o) * w.At(o, 0, 0, i)
					}
					if residual.Ok() {
						sum += residual.At(n, h, p, i)
					}
					dx.Set(n, h, p, i, sum)
				}
			}
		}
	}
}

// linearDgradCPU is linearCPU with the weight matrix as it lies.
func linearDgradCPU(q kernels.Queue, c *kernels.Call) error {
	dy, w, dx := c.In[0], c.In[1], c.Out[0]
	residual := operand(c.In, 2)
	block := func(r0, r1, i0, i1 int) {
		out := dx.F32[r0*dx.Pitch+i0:]
		beta := seed(out, dx.Pitch, r0, r1, i0, i1, nil, residual)
		blas.Gemm(false, false, r1-r0, i1-i0, dy.C, 1, dy.F32[r0*dy.Pitch:], dy.Pitch, w.F32[i0:], w.Pitch, beta, out, dx.Pitch)
	}
	rows := dx.Rows()
	if rows < fewRows {
		cpu.Of(q).Range(dx.C, grain(dx.C, rows*dy.C), func(lo, hi int) { block(0, rows, lo, hi) })
		return nil
	}
	cpu.Of(q).Range(rows, grain(rows, dy.C*dx.C), func(lo, hi int) { block(lo, hi, 0, dx.C) })
	return nil
}
