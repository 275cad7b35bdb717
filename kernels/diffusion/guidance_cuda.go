package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/rng"
)

// elementsSupports is Supports of the kernels that count elements of input 0.
func elementsSupports(c *kernels.Call, _ kernels.Props) error {
	if x := c.In[0]; x.Elements() > math.MaxInt32 {
		return fmt.Errorf("%s %s: the kernels take at most %d elements", x.Name, x.Spec, math.MaxInt32)
	}
	return nil
}

// guidanceVectorSupports is that of guidance and its gradient.
func guidanceVectorSupports(c *kernels.Call, p kernels.Props) error {
	if err := elementsSupports(c, p); err != nil {
		return err
	}
	return rng.Dense4(c.In[0], c.Out[0])
}

func guidanceVector(q *gpu.Queue, c *kernels.Call) error {
	return runGuidanceVector(q, c, "guidance", c.Out[0].Elements()/4)
}

// runGuidanceVector launches the vector kernel of guidance or its gradient for n groups of four elements of a half.
func runGuidanceVector(q *gpu.Queue, c *kernels.Call, module string, n int) error {
	grid, repeat := gpu.Loop(n, elementThreads, 4)
	return q.Launch(gpu.Launch{Module: module, Kernel: module + "_vector", Grid: grid, Block: cuda.Dim3{X: elementThreads},
		Operands: gpu.Uses(c), Args: []any{q.State, uint32(n), repeat, gpu.Ptr(c.In[0]), gpu.Ptr(c.Out[0])}})
}

func guidanceRows(q *gpu.Queue, c *kernels.Call) error {
	return runGuidanceRows(q, c, "guidance", c.Out[0].Spec, c.In[0].Pitch)
}

// runGuidanceRows launches the kernel of any pitch of guidance or its gradient: half is the shape of a half, pitch that of both
// halves together.
func runGuidanceRows(q *gpu.Queue, c *kernels.Call, module string, half kernels.Spec, pitch int) error {
	grid, repeat := gpu.Loop(half.Elements(), elementThreads, 16)
	return q.Launch(gpu.Launch{Module: module, Kernel: module, Grid: grid, Block: cuda.Dim3{X: elementThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, uint32(half.Elements()), repeat, uint32(half.C), gpu.NewDivisor(half.C), int64(half.Rows()) * int64(pitch),
			int32(c.In[0].Pitch), int32(c.Out[0].Pitch), gpu.Ptr(c.In[0]), gpu.Ptr(c.Out[0])}})
}
