package conv

import (
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gradients is Gradients of kernels/include/conv_wgrad.cuh.
type gradients struct {
	DW, DBias                               cuda.DevicePtr
	Outputs, Taps, Channels, Width, DWPitch int32
	AccumulateDW, AccumulateDBias           int32
	Vector                                  int32
	KW, PadH, PadW                          int32
}

// weightGradient is the product of dy and gathered x.
type weightGradient struct {
	op        Geometry
	geometry  geometry
	phases    int // of dy: 4 where x is enlarged in subpixel phases
	width     int // columns of a tap
	x, dy     *kernels.Operand
	dw, dbias *kernels.Operand // dbias may be nil
}

func newWgrad(c *kernels.Call, f family) weightGradient {
	x, op := c.In[0], c.Op.(Conv2DWgrad).Geometry
	w := weightGradient{op: op, geometry: op.forward(x.N, x.H, x.W), phases: 1, width: f.width(x.C), x: x, dy: c.In[1], dw: c.Out[0], dbias: gpu.In(c.Out, 1)}
	if f.way == subpixel {
		w.geometry, w.phases = op.subpixelPhase(x.N, x.H, x.W), 4
	}
	return w
}

// matrix is the product, or one of the products of all phases.
func (w weightGradient) matrix() matrix {
	return matrix{rows: w.dw.N, columns: int(w.geometry.Taps) * w.width, depth: w.geometry.pixels(), products: w.phases}
}

// supported reports an error for a call that a family of kernels cannot run.
func (w weightGradient) supported(f family, p kernels.Props) error {
	if f.way == subpixel {
		if err := w.op.subpixel(); err != nil {
			return err
		}
		if w.dy.Rows() > math.MaxInt32/2 {
			return errPixels
		}
	}
	if f.way != plain {
		if err := alignment(w.x, w.dy); err != nil {
			return err
		}
	}
	return f.supported(w.geometry, p)
}

// plan cuts the product; rows of partial sums have the columns of all phases.
func (w weightGradient) plan(f family, p kernels.Props) plan {
	best := choose(f.tiles, w.matrix(), p)
	best.pitch *= w.phases
	return best
}

func wgradVariants() []kernels.Variant {
	return variants(mmaWeightTiles, fmaWeightTiles, func(number int, name, doc string, f family) kernels.Variant {
		return gpu.Kernel(number, name, doc,
			func(c *kernels.Call, p kernels.Props) error { return newWgrad(c, f).supported(f, p) },
			func(c *kernels.Call, p kernels.Props) int64 {
				w := newWgrad(c, f)
				return w.scratch(w.plan(f, p))
			},
			func(q *gpu.Queue, c *kernels.Call) error {
				w := newWgrad(c, f)
				return w.launch(q, c, f, w.plan(f, q.Library.Props()))
			})
	})
}

// scratch is the size of the partial sums: those of dw, then those of dbias.
func (w weightGradient) scratch(p plan) int64 {
	n := p.partialBytes(w.dw.N)
	if w.dbias != nil {
		n += 4 * int64(p.splits) * int64(w.phases) * int64(w.dw.N)
	}
	return n
}

func (w weightGradient) launch(q *gpu.Queue, c *kernels.Call, f family, p plan) error {
	m, bias := w.matrix(), int32(0)
	if w.dbias != nil {
		bias = 1
	}
	l := f.launch("conv2d_wgrad", w.x, p)
	l.Grid = cuda.Dim3{X: gpu.Ceil(m.columns, p.tile.columns), Y: gpu.Ceil(m.rows, p.tile.rows), Z: p.splits * w.phases}
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
	taps := w.dw.H * w.dw.W
	d := gradients{DW: gpu.Ptr(w.dw), DBias: gpu.Ptr(w.dbias), Outputs: int32(w.dw.N), Taps: int32(taps), Channels: int32(w.dw.C), Width: int32(w.width),
		DWPitch: int32(w.dw.Pitch), AccumulateDW: gpu.Accumulates(w.dw), AccumulateDBias: gpu.Accumulates(w.dbias),
		KW: int32(w.dw.W), PadH: int32(w.op.PadTop), PadW: int32(w.op.PadLeft)}
	if w.dw.C%4 == 0 && gpu.Aligned(4, w.dw) {
		d.Vector = 1
	}
	threads := w.dw.N * gpu.Ceil(taps*w.width, 4)
	if w.dbias != nil {
		threads += w.dw.N
	}
	kernel := "wgrad_reduce"
	if w.phases > 1 {
		kernel = "wgrad_unfold"
	}
	l := reduction(kernel, threads)
	l.Operands = append(gpu.Uses(&kernels.Call{Op: c.Op, Out: c.Out}), gpu.UseBytes(c.Scratch, 0, w.scratch(p), cuda.Read))
	l.Args = []any{q.State, d, gpu.Ptr(c.Scratch), int32(p.pitch), int32(p.splits)}
	return q.Launch(l)
}
