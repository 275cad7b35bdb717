package conv

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gathered is a product of gathered pixels and weights: Conv2D or its gradient in the input.
type gathered struct {
	name     string
	geometry geometry
	phases   int // of the pixels along each axis, see kernels/include/conv_mma.cuh
	x, w     *kernels.Operand
	weights  weights
	channels int // of x
	y        *kernels.Operand
	epilogue epilogue
}

func newConv2D(c *kernels.Call) gathered {
	x, w, y := c.In[inX], c.In[inW], c.Out[0]
	return gathered{name: "conv2d", geometry: c.Op.(Conv2D).forward(x.N, x.H, x.W), phases: 1, x: x, w: w, weights: forwardWeights(w), channels: x.C,
		y: y, epilogue: newEpilogue(y, gpu.In(c.In, inBias), gpu.In(c.In, inImageBias), gpu.In(c.In, inResidual))}
}

func newConv2DDgrad(c *kernels.Call) gathered {
	op, dy, w, dx := c.Op.(Conv2DDgrad), c.In[0], c.In[1], c.Out[0]
	g := gathered{name: "conv2d_dgrad", geometry: op.adjoint(dy.N, op.H, op.W), phases: op.stride(), x: dy, w: w, weights: adjointWeights(w),
		channels: dy.C, y: dx, epilogue: newEpilogue(dx, nil, nil, gpu.In(c.In, 2))}
	if op.Circular && (op.H*op.scale()%g.phases != 0 || op.W*op.scale()%g.phases != 0) {
		g.phases = 1 // wrapping changes the phase
	}
	return g
}

// matrix is the product as a family of kernels cuts it.
func (g gathered) matrix(f family) matrix {
	phases := 1
	if f.mma {
		phases = g.phases
	}
	rows := int(g.geometry.Images) * gpu.Ceil(int(g.geometry.H.Outputs), phases) * gpu.Ceil(int(g.geometry.W.Outputs), phases)
	return matrix{rows: rows, columns: g.y.C, depth: gpu.Ceil(int(g.geometry.Taps), phases*phases) * g.channels, products: phases * phases}
}

// supported reports an error for a call that a family of kernels cannot run.
func (g gathered) supported(f family, p kernels.Props) error {
	if f.mma {
		columns := 8
		if g.name == "conv2d" {
			columns = 1 // weights are copied along k
		}
		if g.w.N*g.w.H*g.w.W > 1<<30/g.w.Pitch {
			return fmt.Errorf("weights %s have more than 2^30 elements", g.w.Spec)
		}
		if g.y.C%columns != 0 {
			return fmt.Errorf("%d channels of dx are no multiple of 8", g.y.C)
		}
		if err := f.alignment(g.x, g.w); err != nil {
			return err
		}
	}
	return f.supported(g.geometry, p)
}

func (g gathered) variant(number int, reason string, f family, make func(c *kernels.Call) gathered) kernels.Variant {
	return gpu.Kernel(number, reason,
		func(c *kernels.Call, p kernels.Props) error { return make(c).supported(f, p) },
		func(c *kernels.Call, p kernels.Props) int64 {
			g := make(c)
			return g.scratch(choose(f.tiles, g.matrix(f), p))
		},
		func(q *gpu.Queue, c *kernels.Call) error {
			g := make(c)
			return g.launch(q, c, f, choose(f.tiles, g.matrix(f), q.Library.Props()))
		})
}

func conv2dVariants() []kernels.Variant {
	return variants(mmaForwardTiles, fmaForwardTiles, func(number int, reason string, f family) kernels.Variant {
		return gathered{}.variant(number, reason, f, newConv2D)
	})
}

func dgradVariants() []kernels.Variant {
	return variants(mmaAdjointTiles, fmaAdjointTiles, func(number int, reason string, f family) kernels.Variant {
		return gathered{}.variant(number, reason, f, newConv2DDgrad)
	})
}

func (g gathered) scratch(p plan) int64 {
	if p.splits == 1 {
		return 0
	}
	return p.partialBytes(g.y.Rows())
}

// launch queues the product and, where k is split, the sum of the parts.
func (g gathered) launch(q *gpu.Queue, c *kernels.Call, f family, p plan) error {
	m := g.matrix(f)
	l := f.launch(g.name, g.x, p)
	l.Operands = gpu.Uses(c)
	l.Grid = cuda.Dim3{X: gpu.Ceil(m.rows, p.tile.rows) * gpu.Ceil(m.columns, p.tile.columns), Y: p.splits * m.products}
	l.Args = []any{g.geometry, gpu.Ptr(g.x), int32(g.x.Pitch), int32(g.channels)}
	if f.mma {
		l.Args = append(l.Args, gpu.Ptr(g.w), int32(g.w.Pitch), int32(g.w.H*g.w.W))
	} else {
		l.Args = append(l.Args, g.weights)
	}
	l.Args = append(l.Args, g.epilogue, gpu.Ptr(c.Scratch), int32(p.pitch), int32(p.splits))
	if f.mma {
		l.Args = append(l.Args, int32(g.phases))
	}
	if p.splits == 1 {
		return q.Launch(l)
	}
	l.Operands = []cuda.Operand{gpu.Use(g.x, cuda.Read), gpu.Use(g.w, cuda.Read), gpu.UseBytes(c.Scratch, 0, g.scratch(p), cuda.Write)}
	if err := q.Launch(l); err != nil {
		return err
	}
	rows := g.y.Rows()
	r := reduction("conv2d_reduce_"+gpu.Suffix(g.x.DType), rows*(p.pitch/4))
	r.Operands = append(gpu.Uses(c), gpu.UseBytes(c.Scratch, 0, g.scratch(p), cuda.Read))
	r.Args = []any{g.epilogue, gpu.Ptr(c.Scratch), int32(rows), int32(p.pitch), int32(p.splits)}
	return q.Launch(r)
}
