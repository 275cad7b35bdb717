package gpu

import (
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
)

// Divisor is Divisor of kernels/include/divide.cuh, an argument passed by value: kernels divide numbers below 2^31 by it.
type Divisor struct{ Multiplier, Shift uint32 }

// NewDivisor returns the divisor d, 1 to 2^31-1.
func NewDivisor(d int) Divisor {
	shift := bits.Len32(uint32(d - 1))
	return Divisor{uint32((1<<(31+shift) + uint64(d) - 1) / uint64(d)), uint32(shift)}
}

// loopBlocks is how many blocks a grid has before its threads take more than one item: at least one for each multiprocessor.
const loopBlocks = 256

// Loop spreads n items over blocks of threads. Each thread takes repeat items, one of each stretch of as many as the block has
// threads: at most so many in large grids, so that what a thread reads once is little beside its items.
func Loop(n, threads, most int) (grid cuda.Dim3, repeat int32) {
	repeat = int32(min(max(n/(threads*loopBlocks), 1), most))
	return cuda.Dim3{X: Ceil(n, threads*int(repeat))}, repeat
}
