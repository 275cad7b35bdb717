package linear

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// matmulReference computes c[i][j] = Alpha sum_k op(a)[i][k] op(b)[k][j] for every batch.
func matmulReference[T kernels.Float](c *kernels.Call) {
	op := c.Op.(Matmul)
	a, b, out := kernels.In[T](c, 0), kernels.In[T](c, 1), kernels.Out[T](c, 0)
	_, _, depth := op.dims(&a.Spec, &b.Spec)
	at := func(v kernels.View[T], trans bool, n, i, j int) float64 {
		if trans {
			i, j = j, i
		}
		return v.At(n, 0, i, j)
	}
	for n := range out.N {
		for i := range out.W {
			for j := range out.C {
				var sum float64
				for k := range depth {
					sum += at(a, op.TransA, n, i, k) * at(b, op.TransB, n, k, j)
				}
				out.Set(n, 0, i, j, op.Alpha*sum)
			}
		}
	}
}

// matmulCPU runs one product per batch and chunk of rows.
func matmulCPU(q kernels.Queue, c *kernels.Call) error {
	op := c.Op.(Matmul)
	a, b, out := c.In[0], c.In[1], c.Out[0]
	m, n, k := op.dims(&a.Spec, &b.Spec)
	g := grain(m, n*k)
	chunks := (m + g - 1) / g
	step := a.Pitch // from one row of op(a) to the next
	if op.TransA {
		step = 1
	}
	cpu.Of(q).Tasks(out.N*chunks, func(task, _ int) {
		batch, lo := task/chunks, task%chunks*g
		hi := min(lo+g, m)
		blas.Gemm(op.TransA, op.TransB, hi-lo, n, k, float32(op.Alpha),
			a.F32[batch*a.W*a.Pitch+lo*step:], a.Pitch, b.F32[batch*b.W*b.Pitch:], b.Pitch,
			0, out.F32[(batch*m+lo)*out.Pitch:], out.Pitch)
	})
	return nil
}
