package linear

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// gemmCall is GemmCall of kernels/include/gemm.cuh.
type gemmCall struct {
	State, A, B, Out, Bias, Residual, Partial, Sums cuda.DevicePtr
	AStep, BStep, OutStep                           int64
	M, N, K, LDA, LDB, LDO, LDR                     int32
	Parts, PartK                                    int32
	Accumulate, SumsAccumulate                      int32
	Alpha                                           float32
}

// product is a matrix product out = alpha a b + bias + residual for the core of gemm.cuh: m x k times k x n, for each matrix of
// the batch. The kernels are called module_tile_type, prefix standing for the module's name.
type product struct {
	module, prefix string
	m, n, k, batch int
	a, b, out      *kernels.Operand
	bias, residual *kernels.Operand
	sums           *kernels.Operand // column sums of a
	alpha          float64
	whole          bool // the sums are not split along k, and there are no tiles of 32
}

// tile is a size of tiles: GemmTile of gemm.cuh.
type tile struct {
	size, stages int
	threads      map[kernels.DType]int
}

var tiles = []tile{
	{128, 3, map[kernels.DType]int{kernels.F32: 256, kernels.BF16: 128}},
	{64, 4, map[kernels.DType]int{kernels.F32: 128, kernels.BF16: 128}},
	{32, 4, map[kernels.DType]int{kernels.F32: 64, kernels.BF16: 64}},
}

// The variants of the operators of the family: which tiles they use.
const (
	byShape  = 1 // 16-byte rows, tile by shape
	tile128  = 2
	tile64   = 3
	tile32   = 4
	anyPitch = 5 // any pitch and alignment, tiles of 64
)

// variants makes the CUDA variants of an operator from the product that a call stands for.
func variants(of func(c *kernels.Call) product, numbers ...int) []kernels.Variant {
	purposes := map[int]struct{ name, doc string }{
		byShape:  {"tile_by_shape", "16-byte rows, multi-stage copies; bf16 on tensor cores; tile and split along the depth by shape"},
		tile128:  {"tile_128x128", "as 1 with tiles of 128: least traffic, for outputs of many tiles"},
		tile64:   {"tile_64x64", "as 1 with tiles of 64: for middle sizes"},
		tile32:   {"tile_32x32", "as 1 with tiles of 32: for few rows or columns"},
		anyPitch: {"any_pitch", "any pitch and alignment, element-wise copies, tiles of 64"},
	}
	var list []kernels.Variant
	for _, number := range numbers {
		list = append(list, gpu.Kernel(number, purposes[number].name, purposes[number].doc,
			func(c *kernels.Call, p kernels.Props) error { return of(c).supports(number, p) },
			func(c *kernels.Call, p kernels.Props) int64 { return of(c).scratch(number, p) },
			func(q *gpu.Queue, c *kernels.Call) error { return of(c).run(q, c, number) }))
	}
	return list
}

func (p product) supports(variant int, props kernels.Props) error {
	if p.batch > maxGridY {
		return fmt.Errorf("%d matrices, at most %d go to a device at once: split the batch", p.batch, maxGridY)
	}
	if t := p.plan(variant, props); t.shared() > props.Shared {
		return fmt.Errorf("tiles of %d take %d bytes of shared memory, a block has %d", t.size, t.shared(), props.Shared)
	}
	if variant != anyPitch && !p.vector() {
		return fmt.Errorf("rows of %s, %s or %s are not made of 16-byte chunks: variant %d takes them", p.a.Name, p.b.Name, p.out.Name, anyPitch)
	}
	return nil
}

// vector reports whether all matrices and the bias have rows of 16-byte chunks.
func (p product) vector() bool {
	chunked := func(o *kernels.Operand) bool { return o == nil || gpu.Aligned(16/o.DType.Size(), o) }
	return chunked(p.a) && chunked(p.b) && chunked(p.out) && chunked(p.residual) && chunked(p.bias)
}

// plan is how a product is cut up.
type plan struct {
	tile
	parts, partK int // parts of k, elements of k in a part
	blocks       int // tiles of one matrix of the output
}

func (t plan) shared() int { return 2 * t.size * 128 * t.stages }

const (
	maxGridY   = 65535
	stepBytes  = 128      // of k in one step of the core
	splitSteps = 16       // of products that are split at all: the sum of the parts is a launch of its own
	leastSteps = 4        // steps of a part: fewer are all start and end
	maxPartial = 64 << 20 // bytes of scratch for parts
)

// plan chooses the biggest tile of which there are enough for the machine, then splits k until two blocks run on a
// multiprocessor, if it is long: parts are no shorter than leastSteps.
func (p product) plan(variant int, props kernels.Props) plan {
	step := stepBytes / p.a.DType.Size()
	steps := gpu.Ceil(p.k, step)
	most := 1
	if !p.whole && steps >= splitSteps {
		most = max(1, min(steps/leastSteps, maxPartial/(4*p.m*(p.n+4))))
	}
	list := tiles
	if p.whole {
		list = tiles[:2]
	}
	switch variant {
	case tile128:
		list = tiles[:1]
	case tile64, anyPitch:
		list = tiles[1:2]
	case tile32:
		list = tiles[2:]
	}
	var t plan
	for _, t.tile = range list {
		t.blocks = gpu.Ceil(p.m, t.size) * gpu.Ceil(p.n, t.size)
		if t.blocks*p.batch*most >= props.SMs {
			break
		}
	}
	t.parts = min(most, max(1, 2*props.SMs/(t.blocks*p.batch)))
	t.partK = gpu.Ceil(steps, t.parts) * step
	t.parts = gpu.Ceil(p.k, t.partK)
	return t
}

// partials is the number of floats that the parts take.
func (p product) partials(t plan) int64 {
	floats := int64(p.m) * int64(gpu.Ceil(p.n, 4)*4)
	if p.sums != nil {
		floats += int64(p.m)
	}
	return floats * int64(t.parts)
}

func (p product) scratch(variant int, props kernels.Props) int64 {
	t := p.plan(variant, props)
	if t.parts == 1 {
		return 0
	}
	return 4 * p.partials(t)
}

func (p product) run(q *gpu.Queue, c *kernels.Call, variant int) error {
	t := p.plan(variant, q.Library.Props())
	suffix := gpu.Suffix(p.a.DType)
	name := fmt.Sprintf("%s_%d_%s", p.prefix, t.size, suffix)
	if variant == anyPitch {
		name = fmt.Sprintf("%s_any_%s", p.prefix, suffix)
	}
	args := gemmCall{State: q.State, A: gpu.Ptr(p.a), B: gpu.Ptr(p.b), Out: gpu.Ptr(p.out), Bias: gpu.Ptr(p.bias), Residual: gpu.Ptr(p.residual),
		Sums: gpu.Ptr(p.sums), AStep: step(p.a), BStep: step(p.b), OutStep: step(p.out), M: int32(p.m), N: int32(p.n), K: int32(p.k),
		LDA: int32(p.a.Pitch), LDB: int32(p.b.Pitch), LDO: int32(p.out.Pitch), Parts: int32(t.parts), PartK: int32(t.partK),
		Accumulate: gpu.Accumulates(p.out), SumsAccumulate: gpu.Accumulates(p.sums), Alpha: float32(p.alpha)}
	if p.residual != nil {
		args.LDR = int32(p.residual.Pitch)
	}
	l := gpu.Launch{Module: p.module, Kernel: name, Grid: cuda.Dim3{X: t.blocks, Y: p.batch}, Block: cuda.Dim3{X: t.threads[p.a.DType]},
		Shared: t.shared(), Operands: gpu.Uses(c)}
	if t.parts == 1 {
		l.Args = []any{args}
		return q.Launch(l)
	}
	return p.runParts(q, c, t, l, args)
}

// runParts launches the product of every part and the sum of the parts.
func (p product) runParts(q *gpu.Queue, c *kernels.Call, t plan, l gpu.Launch, args gemmCall) error {
	floats := p.partials(t)
	args.Partial = gpu.Ptr(c.Scratch)
	l.Args = []any{args}
	l.Grid.Y = t.parts
	l.Operands = []cuda.Operand{gpu.Use(p.a, cuda.Read), gpu.Use(p.b, cuda.Read), gpu.UseBytes(c.Scratch, 0, 4*floats, cuda.Write)}
	if err := q.Launch(l); err != nil {
		return err
	}
	reduce := gpu.Launch{Module: p.module, Kernel: p.module + "_reduce_" + gpu.Suffix(p.out.DType), Block: cuda.Dim3{X: reduceThreads},
		Args: []any{args}, Operands: append(gpu.Uses(c), gpu.UseBytes(c.Scratch, 0, 4*floats, cuda.Read))}
	threads := p.m * gpu.Ceil(p.n, 4) * 4
	if p.sums != nil {
		threads += p.m
	}
	reduce.Grid.X = gpu.Ceil(threads, reduceThreads)
	return q.Launch(reduce)
}

const reduceThreads = 256

// step is the number of elements from one matrix of a batch (B,1,rows,columns) to the next.
func step(o *kernels.Operand) int64 { return int64(o.W) * int64(o.Pitch) }
