package linear

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/blas"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
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

// wgradSplit is how a weight gradient is cut into products: parts of the rows, whose sums are added in order afterwards, and
// blocks of the outputs. It depends on the shapes alone.
type wgradSplit struct {
	parts, rows    int // parts, and rows of a part
	blocks, height int // blocks of outputs, and outputs of a block
}

const (
	partRows  = 512     // rows below which a part's product is mostly overhead
	maxParts  = 16      // parts of the rows
	maxShares = 4 << 20 // elements of all parts together: 16 MiB
	minTasks  = 8       // with fewer parts than this, outputs are split as well
)

func splitWgrad(rows, outputs, inputs int) wgradSplit {
	parts := min(max(1, rows/partRows), maxParts, max(1, maxShares/(outputs*inputs)))
	s := wgradSplit{parts: parts, rows: (rows + parts - 1) / parts, blocks: 1, height: outputs}
	if parts < minTasks && rows*outputs*inputs/parts > minChunkMACs {
		s.height = max(64, grain(outputs, s.rows*inputs), (outputs*parts+minTasks-1)/minTasks)
		s.blocks = (outputs + s.height - 1) / s.height
	}
	return s
}

// share is the number of floats that one part's dw and db take.
func share(dw *kernels.Spec) int { return dw.N*dw.C + dw.N }

func linearWgradWorkspace(c *kernels.Call, _ kernels.Props) int64 {
	dw := &c.Out[0].Spec
	s := splitWgrad(c.In[0].Rows(), dw.N, dw.C)
	if s.parts == 1 {
		return 0
	}
	return 4 * int64(s.parts) * int64(share(dw))
}

// linearWgradCPU computes every part's product into the workspace and adds the parts in order; a single part goes straight to
// the outputs.
func linearWgradCPU(q kernels.Queue, c *kernels.Call) error {
	x, dy, dw, db := c.In[0], c.In[1], c.Out[0], operand(c.Out, 1)
	rows := x.Rows()
	s := splitWgrad(rows, dw.N, dw.C)
	cpu.Of(q).Tasks(s.parts*s.blocks, func(task, _ int) {
		part, o0 := task/s.blocks, task%s.blocks*s.height
		o1 := min(o0+s.height, dw.N)
		r0 := part * s.rows
		n := min(s.rows, rows-r0)
		product, ld, beta := dw.F32, dw.Pitch, float32(0)
		if s.parts > 1 {
			product, ld = c.Workspace[part*share(&dw.Spec):], dw.C
		} else if dw.Adds(c.State) {
			beta = 1
		}
		grad := dy.F32[r0*dy.Pitch+o0:]
		blas.Gemm(true, false, o1-o0, x.C, n, 1, grad, dy.Pitch, x.F32[r0*x.Pitch:], x.Pitch, beta, product[o0*ld:], ld)
		switch {
		case db == nil:
		case s.parts > 1:
			columnSums(product[dw.N*dw.C+o0:][:o1-o0], grad, dy.Pitch, n, false)
		default:
			columnSums(db.F32[o0:o1], grad, dy.Pitch, n, db.Adds(c.State))
		}
	})
	if s.parts > 1 {
		addParts(cpu.Of(q), c, s.parts)
	}
	return nil
}

// addParts adds the parts' shares to dw and db.
func addParts(q *cpu.Queue, c *kernels.Call, parts int) {
	dw, db := c.Out[0], operand(c.Out, 1)
	size := share(&dw.Spec)
	total := func(dst []float32, offset int, adds bool) {
		if !adds {
			copy(dst, c.Workspace[offset:])
		}
		for p := range parts {
			if p > 0 || adds {
				simd.AddTo(dst, c.Workspace[p*size+offset:])
			}
		}
	}
	q.Range(dw.N, max(1, (1<<14)/dw.C), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			total(dw.F32[o*dw.Pitch:][:dw.C], o*dw.C, dw.Adds(c.State))
		}
	})
	if db != nil {
		total(db.F32[:dw.N], dw.N*dw.C, db.Adds(c.State))
	}
}

// partialRows is the number of rows that are summed in float32 before the sums go to float64.
const partialRows = 256

// columnSums writes or adds the sums of rows of len(dst) elements at the given pitch.
func columnSums(dst, rows []float32, pitch, n int, adds bool) {
	sums := make([]float64, len(dst))
	part := make([]float32, len(dst))
	for r0 := 0; r0 < n; r0 += partialRows {
		clear(part)
		m := simd.Rows{Data: rows[r0*pitch:], Pitch: pitch}
		simd.AddRows(simd.Row(part), simd.Row(part), m, min(partialRows, n-r0), len(part))
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
