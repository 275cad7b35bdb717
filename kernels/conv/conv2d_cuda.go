package conv

import (
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gathered is a product of gathered pixels and weights: Conv2D or its gradient in the input.
type gathered struct {
	name     string
	op       Geometry
	geometry geometry
	phases   int // of the pixels along each axis, see kernels/include/conv_mma.cuh
	x, w     *kernels.Operand
	weights  weights
	channels int // of x
	y        *kernels.Operand
	epilogue epilogue
	folds    bool // w is folded into the weights of subpixel phases first, in the scratch memory
}

func newConv2D(c *kernels.Call, f family) gathered {
	x, w, y, op := c.In[inX], c.In[inW], c.Out[0], c.Op.(Conv2D)
	g := gathered{name: "conv2d", op: op.Geometry, geometry: op.forward(x.N, x.H, x.W), phases: 1, x: x, w: w, weights: forwardWeights(w), channels: x.C,
		y: y, epilogue: newEpilogue(y, gpu.In(c.In, inBias), gpu.In(c.In, inImageBias), gpu.In(c.In, inResidual))}
	if f.way == subpixel {
		g.geometry, g.phases, g.folds = op.subpixelForward(x.N, x.H, x.W), 2, true
	}
	return g
}

func newConv2DDgrad(c *kernels.Call, f family) gathered {
	op, dy, w, dx := c.Op.(Conv2DDgrad), c.In[0], c.In[1], c.Out[0]
	g := gathered{name: "conv2d_dgrad", op: op.Geometry, geometry: op.adjoint(dy.N, op.H, op.W), phases: op.stride(), x: dy, w: w, weights: adjointWeights(w),
		channels: dy.C, y: dx, epilogue: newEpilogue(dx, nil, nil, gpu.In(c.In, 2))}
	if f.way == plain || op.Circular && (op.H*op.scale()%g.phases != 0 || op.W*op.scale()%g.phases != 0) {
		g.phases = 1 // plain kernels have none; wrapping changes the phase
	}
	if f.way == subpixel {
		g.geometry, g.phases, g.folds = op.subpixelAdjoint(dy.N, op.H, op.W), 1, true
	}
	return g
}

// matrix is the product, or one of the products of all phases.
func (g gathered) matrix(f family) matrix {
	rows := int(g.geometry.Images) * gpu.Ceil(int(g.geometry.H.Outputs), g.phases) * gpu.Ceil(int(g.geometry.W.Outputs), g.phases)
	products := g.phases * g.phases
	return matrix{rows: rows, columns: g.y.C, depth: gpu.Ceil(int(g.geometry.Taps), products) * f.width(g.channels), products: products}
}

// supported reports an error for a call that a family of kernels cannot run.
func (g gathered) supported(f family, p kernels.Props) error {
	if f.way == subpixel {
		if err := g.op.subpixel(); err != nil {
			return err
		}
		if g.y.DType == kernels.F32 {
			return errors.New("the folded weights are rounded to bf16, the output is not")
		}
	}
	if f.way != plain {
		if w := g.folded(nil); w.N*w.H*w.W > 1<<30/w.Pitch {
			return fmt.Errorf("weights %s have more than 2^30 elements", w.Spec)
		}
		if err := alignment(g.x, g.w); err != nil {
			return err
		}
	}
	return f.supported(g.geometry, p)
}

// folded is the weights that the product reads: w, or what conv2d_fold makes of them at the beginning of the scratch memory.
func (g gathered) folded(scratch *kernels.Operand) *kernels.Operand {
	if !g.folds {
		return g.w
	}
	s := g.w.Spec
	s.H, s.W, s.Pitch = s.H+1, s.W+1, kernels.RoundUp(s.C)
	w := &kernels.Operand{Spec: s, Name: "folded weights"}
	if scratch != nil {
		w.Addr, w.Life = scratch.Addr, scratch.Life
	}
	return w
}

// foldedBytes is the room of the folded weights: partial sums follow on a boundary of 256 bytes.
func (g gathered) foldedBytes() int64 {
	if !g.folds {
		return 0
	}
	return (2*int64(g.folded(nil).Span()) + 255) &^ 255
}

func (g gathered) scratch(p plan) int64 {
	if p.splits == 1 {
		return g.foldedBytes()
	}
	return g.foldedBytes() + p.partialBytes(g.y.Rows())
}

func gatheredVariant(number int, reason string, f family, make func(c *kernels.Call, f family) gathered) kernels.Variant {
	return gpu.Kernel(number, reason,
		func(c *kernels.Call, p kernels.Props) error { return make(c, f).supported(f, p) },
		func(c *kernels.Call, p kernels.Props) int64 {
			g := make(c, f)
			return g.scratch(choose(f.tiles, g.matrix(f), p))
		},
		func(q *gpu.Queue, c *kernels.Call) error {
			g := make(c, f)
			return g.launch(q, c, f, choose(f.tiles, g.matrix(f), q.Library.Props()))
		})
}

func conv2dVariants() []kernels.Variant {
	return variants(mmaForwardTiles, fmaForwardTiles, func(number int, reason string, f family) kernels.Variant {
		return gatheredVariant(number, reason, f, newConv2D)
	})
}

func dgradVariants() []kernels.Variant {
	return variants(mmaAdjointTiles, fmaAdjointTiles, func(number int, reason string, f family) kernels.Variant {
		return gatheredVariant(number, reason, f, newConv2DDgrad)
	})
}

// launch queues the product and, where k is split, the sum of the parts.
func (g gathered) launch(q *gpu.Queue, c *kernels.Call, f family, p plan) error {
	if g.folds {
		if err := g.fold(q, c.Scratch); err != nil {
			return err
		}
	}
	m, w := g.matrix(f), g.folded(c.Scratch)
	partials, bytes := cuda.DevicePtr(0), g.scratch(p)-g.foldedBytes()
	if bytes > 0 {
		partials = gpu.Ptr(c.Scratch) + cuda.DevicePtr(g.foldedBytes())
	}
	l := f.launch(g.name, g.x, p)
	l.Grid = cuda.Dim3{X: gpu.Ceil(m.rows, p.tile.rows) * gpu.Ceil(m.columns, p.tile.columns), Y: p.splits * m.products}
	l.Args = []any{g.geometry, gpu.Ptr(g.x), int32(g.x.Pitch), int32(g.channels)}
	if f.way == plain {
		l.Args = append(l.Args, g.weights)
	} else {
		l.Args = append(l.Args, gpu.Ptr(w), int32(w.Pitch), int32(w.H*w.W))
	}
	l.Args = append(l.Args, g.epilogue, partials, int32(p.pitch), int32(p.splits))
	if f.way != plain {
		l.Args = append(l.Args, int32(g.phases))
	}
	if p.splits == 1 {
		l.Operands = gpu.Uses(c)
		if g.folds {
			l.Operands = append(l.Operands, gpu.Use(w, cuda.Read))
		}
		return q.Launch(l)
	}
	l.Operands = []cuda.Operand{gpu.Use(g.x, cuda.Read), gpu.Use(w, cuda.Read), gpu.UseBytes(c.Scratch, g.foldedBytes(), bytes, cuda.Write)}
	if err := q.Launch(l); err != nil {
		return err
	}
	rows := g.y.Rows()
	r := reduction("conv2d_reduce_"+gpu.Suffix(g.x.DType), rows*(p.pitch/4))
	r.Operands = append(gpu.Uses(c), gpu.UseBytes(c.Scratch, g.foldedBytes(), bytes, cuda.Read))
	r.Args = []any{g.epilogue, partials, int32(rows), int32(p.pitch), int32(p.splits)}
	return q.Launch(r)
}

// folding is Kernel of kernels/conv/conv2d_subpixel.cu.
type folding struct{ Outputs, H, W, Channels, Pitch, FoldedPitch int32 }

// fold queues the sum of the weights that meet the same pixels.
func (g gathered) fold(q *gpu.Queue, scratch *kernels.Operand) error {
	w, f := g.w, g.folded(scratch)
	return q.Launch(gpu.Launch{Module: "conv2d_subpixel", Kernel: "conv2d_fold", Block: cuda.Dim3{X: foldThreads},
		Grid:     cuda.Dim3{X: gpu.Ceil(f.N*f.H*f.W*gpu.Ceil(f.C, 8), foldThreads)},
		Operands: []cuda.Operand{gpu.Use(w, cuda.Read), gpu.Use(f, cuda.Write)},
		Args:     []any{folding{int32(w.N), int32(w.H), int32(w.W), int32(w.C), int32(w.Pitch), int32(f.Pitch)}, gpu.Ptr(w), gpu.Ptr(f)}})
}

// foldThreads is the size of the blocks of conv2d_fold.
const foldThreads = 256
