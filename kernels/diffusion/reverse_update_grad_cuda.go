package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/rng"
)

// elementThreads is the number of threads in a block of the kernels that take elements as they come.
const elementThreads = 256

func reverseUpdateGradVectorSupports(c *kernels.Call, p kernels.Props) error {
	if err := groupsSupports(c, p); err != nil {
		return err
	}
	return rng.Dense4(c.In[0], c.In[1], c.In[3], c.Out[0], c.Out[1], c.Out[2])
}

// reverseUpdateGradOperands returns the addresses of x, out, dy, dx, dout and dz, and their pitches.
func reverseUpdateGradOperands(c *kernels.Call) (addresses []any, pitch [6]int32) {
	for i, o := range []*kernels.Operand{c.In[0], c.In[1], c.In[3], c.Out[0], c.Out[1], c.Out[2]} {
		addresses = append(addresses, gpu.Ptr(o))
		pitch[i] = int32(o.Pitch)
	}
	return addresses, pitch
}

func reverseUpdateGradVector(q *gpu.Queue, c *kernels.Call) error {
	addresses, _ := reverseUpdateGradOperands(c)
	n := c.In[0].Elements() / 4
	grid, repeat := gpu.Loop(n, elementThreads, 4)
	return q.Launch(gpu.Launch{Module: "reverse_update_grad", Kernel: "reverse_update_grad_vector", Grid: grid,
		Block: cuda.Dim3{X: elementThreads}, Operands: gpu.Uses(c),
		Args: append([]any{q.State, tableOf(c.In[2], c.Op.(ReverseUpdateGrad).Clip), uint32(n), repeat}, addresses...)})
}

func reverseUpdateGradRows(q *gpu.Queue, c *kernels.Call) error {
	addresses, pitch := reverseUpdateGradOperands(c)
	x := c.In[0]
	grid, repeat := gpu.Loop(x.Elements(), elementThreads, 16)
	return q.Launch(gpu.Launch{Module: "reverse_update_grad", Kernel: "reverse_update_grad", Grid: grid,
		Block: cuda.Dim3{X: elementThreads}, Operands: gpu.Uses(c),
		Args: append([]any{q.State, tableOf(c.In[2], c.Op.(ReverseUpdateGrad).Clip), uint32(x.Elements()), repeat, uint32(x.C),
			gpu.NewDivisor(x.C), pitch}, addresses...)})
}
