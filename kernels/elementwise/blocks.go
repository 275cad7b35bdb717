package elementwise

import (
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/simd"
)

// blockElements is how many elements a block holds at most: large enough that a task costs nothing, small enough that
// several blocks share a cache of 256 KiB.
const blockElements = 16384

// Block is a part of operands of one shape: Count rows of C elements, or where every operand is dense one row of C elements.
type Block struct {
	first    int
	dense    bool
	Count, C int
}

// Blocks calls fn on blocks that cover operands of one shape, spread over the queue's workers. The blocks depend on the
// shapes alone.
func Blocks(q kernels.Queue, fn func(b Block), operands ...*kernels.Operand) {
	s := operands[0].Spec
	dense := true
	for _, o := range operands {
		dense = dense && (o == nil || o.Pitch == o.C)
	}
	if dense {
		cpu.Of(q).Range(s.Elements(), blockElements, func(lo, hi int) { fn(Block{lo, true, 1, hi - lo}) })
		return
	}
	cpu.Of(q).Range(s.Rows(), max(1, blockElements/s.C), func(lo, hi int) { fn(Block{lo, false, hi - lo, s.C}) })
}

// Of returns the block's rows of an operand.
func (b Block) Of(o *kernels.Operand) simd.Rows {
	if b.dense {
		return simd.Rows{Data: o.F32[b.first:]}
	}
	return simd.Rows{Data: o.F32[b.first*o.Pitch:], Pitch: o.Pitch}
}

// image returns image n of an operand as rows.
func image(o *kernels.Operand, n int) simd.Rows {
	return simd.Rows{Data: o.F32[n*o.H*o.W*o.Pitch:], Pitch: o.Pitch}
}
