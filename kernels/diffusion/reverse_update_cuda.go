package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/rng"
)

// deviceTable is Table of kernels/include/reverse.cuh.
type deviceTable struct {
	Rows         cuda.DevicePtr
	Steps, Pitch int32
	Clip         float32
}

func tableOf(o *kernels.Operand, clip float64) deviceTable {
	return deviceTable{Rows: gpu.Ptr(o), Steps: int32(o.N), Pitch: int32(o.Pitch), Clip: float32(max(clip, 0))}
}

func reverseUpdateVectorSupports(c *kernels.Call, p kernels.Props) error {
	if err := groupsSupports(c, p); err != nil {
		return err
	}
	return rng.Dense4(c.In[0], c.In[1], gpu.In(c.In, 3), c.Out[0])
}

func reverseUpdateVector(q *gpu.Queue, c *kernels.Call) error {
	return runReverseUpdate(q, c, "_vector", nil)
}

func reverseUpdateRows(q *gpu.Queue, c *kernels.Call) error {
	return runReverseUpdate(q, c, "", []any{pitches(c.In[0], c.In[1], gpu.In(c.In, 3), c.Out[0])})
}

// runReverseUpdate launches reverse_update or reverse_update_given with a name's ending and arguments that come before the
// addresses.
func runReverseUpdate(q *gpu.Queue, c *kernels.Call, ending string, layout []any) error {
	o, x, z := c.Op.(ReverseUpdate), c.In[0], gpu.In(c.In, 3)
	kernel, from := "reverse_update", []any{gpu.Ptr(x), gpu.Ptr(c.In[1])}
	if z != nil {
		kernel, from = "reverse_update_given", append(from, gpu.Ptr(z))
	}
	g := rng.GroupsOf(x.Spec)
	grid, repeat := g.Loop()
	args := append([]any{q.State, o.Stream, g, repeat, tableOf(c.In[2], o.Clip)}, layout...)
	args = append(append(args, from...), gpu.Ptr(c.Out[0]))
	return q.Launch(gpu.Launch{Module: "reverse_update", Kernel: kernel + ending, Grid: grid, Block: cuda.Dim3{X: rng.GroupThreads},
		Operands: gpu.Uses(c), Args: args})
}
