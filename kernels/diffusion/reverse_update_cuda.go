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

// deviceLimits is Limits of kernels/include/reverse.cuh.
type deviceLimits struct {
	Rows  cuda.DevicePtr
	Pitch int32
}

// deviceHistory is History of reverse_update_history.cu.
type deviceHistory struct {
	Slots, Columns int32
	Stride         int64
}

func reverseUpdateVectorSupports(c *kernels.Call, p kernels.Props) error {
	if err := groupsSupports(c, p); err != nil {
		return err
	}
	return rng.Dense4(c.In[0], c.In[1], gpu.In(c.In, inZ), gpu.In(c.In, inHistory), c.Out[0])
}

func reverseUpdateVector(q *gpu.Queue, c *kernels.Call) error { return runReverseUpdate(q, c, true) }

func reverseUpdateRows(q *gpu.Queue, c *kernels.Call) error { return runReverseUpdate(q, c, false) }

// runReverseUpdate launches the kernel of a call: with or without history, z given or drawn, by groups of four or by elements.
func runReverseUpdate(q *gpu.Queue, c *kernels.Call, vector bool) error {
	o, x, z, history, limit := c.Op.(ReverseUpdate), c.In[0], gpu.In(c.In, inZ), gpu.In(c.In, inHistory), gpu.In(c.In, inLimit)
	limits := deviceLimits{Rows: gpu.Ptr(limit)}
	if limit != nil {
		limits.Pitch = int32(limit.Pitch)
	}
	g := rng.GroupsOf(x.Spec)
	grid, repeat := g.Loop()
	kernel, args := "reverse_update", []any{q.State, o.Stream, g, repeat, tableOf(c.In[2], o.Clip), limits}
	if history != nil {
		kernel += "_history"
		args = append(args, historyOf(history, x, vector))
	}
	module := kernel
	if z != nil {
		kernel += "_given"
	}
	if vector {
		kernel += "_vector"
	} else {
		args = append(args, pitches(x, c.In[1], z, c.Out[0]))
		if history != nil {
			args = append(args, int32(history.Pitch))
		}
	}
	for _, from := range []*kernels.Operand{x, c.In[1], z, c.Out[0], history} {
		if from != nil {
			args = append(args, gpu.Ptr(from))
		}
	}
	return q.Launch(gpu.Launch{Module: module, Kernel: kernel, Grid: grid, Block: cuda.Dim3{X: rng.GroupThreads},
		Operands: gpu.Uses(c), Args: args})
}

// historyOf describes the slots of x's shape; the stride is in what the kernel accesses, groups of four or elements.
func historyOf(history, x *kernels.Operand, vector bool) deviceHistory {
	slots := history.N / x.N
	h := deviceHistory{Slots: int32(slots), Columns: int32(UpdateWidth(slots)), Stride: int64(x.Rows()) * int64(history.Pitch)}
	if vector {
		h.Stride /= 4
	}
	return h
}
