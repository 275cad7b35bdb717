package optim

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	normBlocks   = 1024 // at most: about as many as a large GPU holds at a time, and no more than a block has threads
	normElements = 32   // of a thread, at least
)

// normPartials is the number of partial sums of count elements; it depends on nothing else, so that the sum does not, either.
func normPartials(count int) int {
	return min(gpu.Ceil(count, optimThreads*normElements), normBlocks)
}

// globalNormScratch holds the partial sums.
func globalNormScratch(c *kernels.Call, _ kernels.Props) int64 {
	return 4 * int64(normPartials(c.In[0].C))
}

// globalNormCUDA sums in blocks, then the blocks' sums in one block, a thread each.
func globalNormCUDA(q *gpu.Queue, c *kernels.Call) error {
	g, norm, blocks := c.In[0], c.Out[0], normPartials(c.In[0].C)
	partials := func(m cuda.Mode) cuda.Operand { return gpu.UseBytes(c.Scratch, 0, 4*int64(blocks), m) }
	l := gpu.Launch{Module: "global_norm", Kernel: "global_norm_scalar", Grid: cuda.Dim3{X: blocks}, Block: cuda.Dim3{X: optimThreads},
		Args: []any{int64(g.C), gpu.Ptr(g), gpu.Ptr(c.Scratch)}, Operands: []cuda.Operand{gpu.Use(g, cuda.Read), partials(cuda.Write)}}
	if gpu.Aligned(4, g) {
		l.Kernel = "global_norm_partials"
	}
	if err := q.Launch(l); err != nil {
		return err
	}
	return q.Launch(gpu.Launch{Module: "global_norm", Kernel: "global_norm_finish", Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: normBlocks},
		Args: []any{int32(blocks), gpu.Ptr(c.Scratch), gpu.Ptr(norm)}, Operands: []cuda.Operand{partials(cuda.Read), gpu.Use(norm, cuda.Write)}})
}
