package elementwise

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	mostThreads  = 256
	leastThreads = 64
	threadRows   = 4   // of kernels/include/pointwise.cuh
	enoughBlocks = 256 // two for each multiprocessor of a large device
)

// vector reports whether every operand allows 16-byte accesses.
func vector(ops ...*kernels.Operand) bool {
	for _, o := range ops {
		if o != nil && !gpu.Aligned(16/o.DType.Size(), o) {
			return false
		}
	}
	return true
}

// access returns the ending of a kernel's name and the elements of an access: 16 bytes of type d where all operands allow it.
func access(d kernels.DType, ops ...*kernels.Operand) (string, int) {
	if vector(ops...) {
		return "_" + gpu.Suffix(d), 16 / d.Size()
	}
	return "_any_" + gpu.Suffix(d), 1
}

// matrix is how a pointwise kernel sees tensors of one shape: rows of c elements, the last one of `last`.
type matrix struct {
	rows, c, last int
	flat          bool // cut from memory without pads: every tensor's pitch is c
	n             int  // elements of an access
	threads       int  // of a block, at most
}

// threads is the size of blocks: smaller ones where a tensor is small, so that they spread over the device.
func threads(s kernels.Spec, n int) int {
	t := mostThreads
	for t > leastThreads && s.Rows()*gpu.Ceil(s.C, n) < t*threadRows*enoughBlocks {
		t /= 2
	}
	return t
}

// asRows keeps the rows of a tensor.
func asRows(s kernels.Spec, n int) matrix {
	return matrix{rows: s.Rows(), c: s.C, last: s.C, n: n, threads: threads(s, n)}
}

// flatten cuts tensors without pads into rows that a block's threads fill; others keep their rows.
func flatten(n int, ops ...*kernels.Operand) matrix {
	m := asRows(ops[0].Spec, n)
	for _, o := range ops {
		if o.Rows() > 1 && o.Pitch != o.C {
			return m
		}
	}
	total := ops[0].Elements()
	m.flat, m.c = true, m.threads*n
	m.rows = gpu.Ceil(total, m.c)
	m.last = total - (m.rows-1)*m.c
	return m
}

// pitch is an operand's distance between rows.
func (m matrix) pitch(o *kernels.Operand) int32 {
	if m.flat {
		return int32(m.c)
	}
	return int32(o.Pitch)
}

// args begins a kernel's arguments: rows, c, last, then address and pitch of each operand.
func (m matrix) args(ops ...*kernels.Operand) []any {
	list := []any{int32(m.rows), int32(m.c), int32(m.last)}
	for _, o := range ops {
		list = append(list, gpu.Ptr(o), m.pitch(o))
	}
	return list
}

// launch queues a pointwise kernel.
func (m matrix) launch(q *gpu.Queue, c *kernels.Call, module, kernel string, args []any) error {
	grid, block := m.grid()
	return q.Launch(gpu.Launch{Module: module, Kernel: kernel, Args: args, Operands: gpu.Uses(c), Grid: grid, Block: block})
}

// grid spreads blocks over rows along x, which alone may have more than 65535 blocks, and over groups of n elements along y.
func (m matrix) grid() (grid, block cuda.Dim3) {
	groups := gpu.Ceil(m.c, m.n)
	width := min(groups, m.threads)
	height := m.threads / width
	return cuda.Dim3{X: gpu.Ceil(m.rows, height*threadRows), Y: gpu.Ceil(groups, width)}, cuda.Dim3{X: width, Y: height}
}

// pointwise runs the kernel of a module on tensors of one shape and type, inputs first; extra arguments follow.
func pointwise(q *gpu.Queue, c *kernels.Call, module string, ops []*kernels.Operand, extra ...any) error {
	ending, n := access(ops[0].DType, ops...)
	m := flatten(n, ops...)
	return m.launch(q, c, module, module+ending, append(m.args(ops...), extra...))
}
