package conv

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gradients is Gradients of kernels/include/conv_wgrad.cuh.
type gradients struct {
	DW, DBias                         cuda.DevicePtr
	Outputs, Columns, Channels, Pitch int32
	AccumulateDW, AccumulateDBias     int32
	Vector                            int32
}

// weightGradient is the product of dy and gathered x.
type weightGradient struct {
	geometry  geometry
	x, dy     *kernels.Operand
	dw, dbias *kernels.Operand // dbias may be nil
}

func newWgrad(c *kernels.Call) weightGradient {
	x := c.In[0]
	return weightGradient{geometry: c.Op.(Conv2DWgrad).forward(x.N, x.H, x.W), x: x, dy: c.In[1], dw: c.Out[0], dbias: gpu.In(c.Out, 1)}
}

func (w weightGradient) matrix() matrix {
	return matrix{rows: w.dw.N, columns: w.dw.H * w.dw.W * w.dw.C, depth: w.geometry.pixels(), products: 1}
}

// supported reports an error for a call that a family of kernels cannot run.
func (w weightGradient) supported(f family, p kernels.Props) error {
	if f.mma {
		if err := f.alignment(w.x, w.dy); err != nil {
			return err
		}
	}
	return f.supported(w.geometry, p)
}

func wgradVariants() []kernels.Variant {
	return variants(mmaWeightTiles, fmaWeightTiles, func(number int, reason string, f family) kernels.Variant {
		return gpu.Kernel(number, reason,
			func(c *kernels.Call, p kernels.Props) error { return newWgrad(c).supported(f, p) },
			func(c *kernels.Call, p kernels.Props) int64 {
				w := newWgrad(c)
				return w.scratch(choose(f.tiles, w.matrix(), p))
			},
			func(q *gpu.Queue, c *kernels.Call) error {
				w := newWgrad(c)
				return w.launch(q, c, f, choose(f.tiles, w.matrix(), q.Library.Props()))
			})
	})
}

// scratch is the size of the partial sums: those of dw, then those of dbias.
func (w weightGradient) scratch(p plan) int64 {
	n := p.partialBytes(w.dw.N)
	if w.dbias != nil {
		n += 4 * int64(p.splits) * int64(w.dw.N)
	}
	return n
}

func (w weightGradient) launch(q *gpu.Queue, c *kernels.Call, f family, p plan) error {
	m, bias := w.matrix(), int32(0)
	if w.dbias != nil {
		bias = 1
	}
	l := f.launch("conv2d_wgrad", w.x, p)
	l.Grid = cuda.Dim3{X: gpu.Ceil(m.columns, p.tile.columns), Y: gpu.Ceil(m.rows, p.tile.rows), Z: p.splits}
	l.Operands = []cuda.Operand{gpu.Use(w.x, cuda.Read), gpu.Use(w.dy, cuda.Read), gpu.UseBytes(c.Scratch, 0, w.scratch(p), cuda.Write)}
	l.Args = []any{w.geometry, gpu.Ptr(w.x), int32(w.x.Pitch), int32(w.x.C), gpu.Ptr(w.dy), int32(w.dy.Pitch), int32(m.rows), gpu.Ptr(c.Scratch),
		int32(p.pitch), bias, int32(p.splits)}
	if err := q.Launch(l); err != nil {
		return err
	}
	return w.reduce(q, c, p)
}

// reduce queues the sum of the parts of dw and dbias.
func (w weightGradient) reduce(q *gpu.Queue, c *kernels.Call, p plan) error {
	m := w.matrix()
	d := gradients{DW: gpu.Ptr(w.dw), DBias: gpu.Ptr(w.dbias), Outputs: int32(m.rows), Columns: int32(m.columns), Channels: int32(w.dw.C),
		Pitch: int32(w.dw.Pitch), AccumulateDW: gpu.Accumulates(w.dw), AccumulateDBias: gpu.Accumulates(w.dbias)}
	if w.dw.C%4 == 0 && gpu.Aligned(4, w.dw) {
		d.Vector = 1
	}
	threads := m.rows * (p.pitch / 4)
	if w.dbias != nil {
		threads += m.rows
	}
	l := reduction("wgrad_reduce", threads)
	l.Operands = append(gpu.Uses(&kernels.Call{Op: c.Op, Out: c.Out}), gpu.UseBytes(c.Scratch, 0, w.scratch(p), cuda.Read))
	l.Args = []any{q.State, d, gpu.Ptr(c.Scratch), int32(p.pitch), int32(p.splits)}
	return q.Launch(l)
}
