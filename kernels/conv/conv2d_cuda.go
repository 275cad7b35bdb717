package conv

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gathered is a product of gathered pixels and weights: Conv2D or its gradient in the input.
type gathered struct {
	module   string
	geometry geometry
	x, w     *kernels.Operand
	weights  weights
	channels int // of x
	y        *kernels.Operand
	epilogue epilogue
}

func newConv2D(c *kernels.Call) gathered {
	x, w, y := c.In[inX], c.In[inW], c.Out[0]
	return gathered{module: "conv2d", geometry: c.Op.(Conv2D).forward(x.N, x.H, x.W), x: x, w: w, weights: forwardWeights(w), channels: x.C, y: y,
		epilogue: newEpilogue(y, gpu.In(c.In, inBias), gpu.In(c.In, inImageBias), gpu.In(c.In, inResidual))}
}

func newConv2DDgrad(c *kernels.Call) gathered {
	op, dy, w, dx := c.Op.(Conv2DDgrad), c.In[0], c.In[1], c.Out[0]
	return gathered{module: "conv2d_dgrad", geometry: op.adjoint(dy.N, op.H, op.W), x: dy, w: w, weights: adjointWeights(w), channels: dy.C, y: dx,
		epilogue: newEpilogue(dx, nil, nil, gpu.In(c.In, 2))}
}

func (g gathered) matrix() matrix {
	return matrix{rows: g.geometry.pixels(), columns: g.y.C, depth: int(g.geometry.Taps) * g.channels}
}

// gatherVariants are the CUDA variants of plain float32 arithmetic: the table's tile, then each tile.
func gatherVariants(product func(c *kernels.Call) gathered) []kernels.Variant {
	list := []kernels.Variant{gatherVariant(1, "plain multiply-adds, tile by shape", product, gatherTiles)}
	for i, t := range gatherTiles {
		list = append(list, gatherVariant(2+i, "plain multiply-adds, tiles of "+t.String(), product, gatherTiles[i:i+1]))
	}
	return list
}

func gatherVariant(number int, reason string, product func(c *kernels.Call) gathered, tiles []tile) kernels.Variant {
	return gpu.Kernel(number, reason,
		func(c *kernels.Call, _ kernels.Props) error { return product(c).geometry.supported() },
		func(c *kernels.Call, p kernels.Props) int64 {
			return product(c).scratch(choose(tiles, product(c).matrix(), p))
		},
		func(q *gpu.Queue, c *kernels.Call) error {
			g := product(c)
			return g.launch(q, c, choose(tiles, g.matrix(), q.Library.Props()))
		})
}

func (g gathered) scratch(p plan) int64 {
	if p.splits == 1 {
		return 0
	}
	return p.partialBytes(g.matrix().rows)
}

// launch queues the product and, where k is split, the sum of the parts.
func (g gathered) launch(q *gpu.Queue, c *kernels.Call, p plan) error {
	m, suffix := g.matrix(), "_"+gpu.Suffix(g.x.DType)
	l := gpu.Launch{Module: g.module, Kernel: g.module + "_" + p.tile.String() + suffix, Operands: gpu.Uses(c),
		Grid:  cuda.Dim3{X: gpu.Ceil(m.rows, p.tile.rows), Y: gpu.Ceil(m.columns, p.tile.columns), Z: p.splits},
		Block: cuda.Dim3{X: p.threads},
		Args: []any{g.geometry, gpu.Ptr(g.x), int32(g.x.Pitch), int32(g.channels), g.weights, g.epilogue, gpu.Ptr(c.Scratch), int32(p.pitch),
			int32(p.splits)}}
	if p.splits == 1 {
		return q.Launch(l)
	}
	l.Operands = []cuda.Operand{gpu.Use(g.x, cuda.Read), gpu.Use(g.w, cuda.Read), gpu.UseBytes(c.Scratch, 0, p.partialBytes(m.rows), cuda.Write)}
	if err := q.Launch(l); err != nil {
		return err
	}
	return g.reduce(q, c, p)
}

// reduceThreads is the size of the blocks that add partial sums; a thread adds four columns.
const reduceThreads = 256

func (g gathered) reduce(q *gpu.Queue, c *kernels.Call, p plan) error {
	m := g.matrix()
	return q.Launch(gpu.Launch{Module: g.module, Kernel: g.module + "_reduce_" + gpu.Suffix(g.x.DType),
		Grid:     cuda.Dim3{X: gpu.Ceil(m.rows*(p.pitch/4), reduceThreads)},
		Block:    cuda.Dim3{X: reduceThreads},
		Operands: append(gpu.Uses(c), gpu.UseBytes(c.Scratch, 0, p.partialBytes(m.rows), cuda.Read)),
		Args:     []any{g.epilogue, gpu.Ptr(c.Scratch), int32(m.rows), int32(p.pitch), int32(p.splits)}})
}
