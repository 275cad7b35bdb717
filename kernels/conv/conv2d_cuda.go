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
	stats    *kernels.Operand // of the channels of y; may be nil
	folds    bool             // w is folded into the weights of subpixel phases first, in the scratch memory
}

func newConv2D(c *kernels.Call, f family) gathered {
	x, w, y, op := c.In[inX], c.In[inW], c.Out[0], c.Op.(Conv2D)
	g := gathered{name: "conv2d", op: op.Geometry, geometry: op.forward(x.N, x.H, x.W), phases: 1, x: x, w: w, weights: forwardWeights(w), channels: x.C,
		y: y, stats: gpu.In(c.Out, 1), epilogue: newEpilogue(y, gpu.In(c.In, inBias), gpu.In(c.In, inImageBias), gpu.In(c.In, inResidual))}
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

// gatheredPlan is how a product is cut and where its parts lie in the scratch memory: the folded weights, partial sums, moments.
type gatheredPlan struct {
	plan
	folded, partials, moments int64 // bytes, each a multiple of 256
	stats                     statsPlan
}

func (p gatheredPlan) scratch() int64 { return p.folded + p.partials + p.moments }

// part is a part of the scratch memory, null where it is empty.
func part(scratch *kernels.Operand, offset, bytes int64) cuda.DevicePtr {
	if bytes == 0 {
		return 0
	}
	return gpu.Ptr(scratch) + cuda.DevicePtr(offset)
}

// aligned rounds bytes up to the alignment of parts of the scratch memory.
func aligned(bytes int64) int64 { return (bytes + 255) &^ 255 }

// plan chooses the tile. The moments of y are those of tiles where tiles lie inside an image and k is not split, else those of chunks of
// the sum of partial products, of which there may be one only.
func (g gathered) plan(f family, p kernels.Props) gatheredPlan {
	tiles := f.tiles
	if g.stats != nil && f.way != plain {
		tiles = inside(tiles, g.phasePixels())
	}
	r := gatheredPlan{plan: choose(tiles, g.matrix(f), p)}
	if g.folds {
		r.folded = aligned(2 * int64(g.folded(nil).Span()))
	}
	sums := r.splits > 1
	if g.stats != nil {
		direct := f.way != plain && !sums && g.phasePixels()%r.tile.rows == 0
		r.stats = newStatsPlan(g.y, r.tile, direct)
		r.moments = aligned(r.stats.bytes(g.y))
		sums = !direct
	}
	if sums {
		r.partials = aligned(r.partialBytes(g.y.Rows()))
	}
	return r
}

// phasePixels is the number of pixels of a phase of an image.
func (g gathered) phasePixels() int { return g.y.H / g.phases * (g.y.W / g.phases) }

func gatheredVariant(number int, name, doc string, f family, make func(c *kernels.Call, f family) gathered) kernels.Variant {
	return gpu.Kernel(number, name, doc,
		func(c *kernels.Call, p kernels.Props) error { return make(c, f).supported(f, p) },
		func(c *kernels.Call, p kernels.Props) int64 { return make(c, f).plan(f, p).scratch() },
		func(q *gpu.Queue, c *kernels.Call) error {
			g := make(c, f)
			return g.launch(q, c, f, g.plan(f, q.Library.Props()))
		})
}

func conv2dVariants() []kernels.Variant {
	return variants(mmaForwardTiles, fmaForwardTiles, func(number int, name, doc string, f family) kernels.Variant {
		return gatheredVariant(number, name, doc, f, newConv2D)
	})
}

func dgradVariants() []kernels.Variant {
	return variants(mmaAdjointTiles, fmaAdjointTiles, func(number int, name, doc string, f family) kernels.Variant {
		return gatheredVariant(number, name, doc, f, newConv2DDgrad)
	})
}

// launch queues the product and, where there are any, the sum of its parts and the join of the moments.
func (g gathered) launch(q *gpu.Queue, c *kernels.Call, f family, p gatheredPlan) error {
	if g.folds {
		if err := g.fold(q, c.Scratch); err != nil {
			return err
		}
	}
	m, w := g.matrix(f), g.folded(c.Scratch)
	partials := part(c.Scratch, p.folded, p.partials)
	g.epilogue.Moments = part(c.Scratch, p.folded+p.partials, p.moments)
	l := f.launch(g.name, g.x, p.plan)
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
	if p.partials == 0 {
		l.Operands = g.finishes(c, p)
		if g.folds {
			l.Operands = append(l.Operands, gpu.Use(w, cuda.Read))
		}
		if err := q.Launch(l); err != nil {
			return err
		}
		return g.joinStats(q, c, p)
	}
	sums := gpu.UseBytes(c.Scratch, p.folded, p.partialBytes(g.y.Rows()), cuda.Write)
	l.Operands = []cuda.Operand{gpu.Use(g.x, cuda.Read), gpu.Use(w, cuda.Read), sums}
	if err := q.Launch(l); err != nil {
		return err
	}
	sums.Mode = cuda.Read
	rows := g.y.Rows()
	r := reduction("conv2d_reduce_"+gpu.Suffix(g.x.DType), rows*(p.pitch/4))
	if g.stats != nil {
		r = g.statsReduction(p)
	}
	r.Operands = append(g.finishes(c, p), sums)
	r.Args = []any{g.epilogue, partials, int32(rows), int32(p.pitch), int32(p.splits)}
	if err := q.Launch(r); err != nil {
		return err
	}
	return g.joinStats(q, c, p)
}

// finishes declares what the launch that finishes y reads and writes: the statistics are not yet written, the moments are.
func (g gathered) finishes(c *kernels.Call, p gatheredPlan) []cuda.Operand {
	list := gpu.Uses(&kernels.Call{Op: c.Op, In: c.In, Out: c.Out[:1]})
	if g.stats != nil {
		list = append(list, g.useMoments(c, p, cuda.Write))
	}
	return list
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
