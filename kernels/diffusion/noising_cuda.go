package diffusion

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/rng"
)

// noisingTimes is Noise of noising.cu.
type noisingTimes struct {
	T, Table                  cuda.DevicePtr
	TPitch, Steps, TablePitch int32
	Column1, Column2          int32
}

// groupsSupports is Supports of the kernels that take elements in groups as they are drawn, at any pitch.
func groupsSupports(c *kernels.Call, _ kernels.Props) error { return rng.Countable(c.Out[0].Spec) }

func noisingVectorSupports(c *kernels.Call, p kernels.Props) error {
	if err := groupsSupports(c, p); err != nil {
		return err
	}
	return rng.Dense4(c.In[0], gpu.In(c.In, 3), c.Out[0], c.Out[1])
}

func noisingVector(q *gpu.Queue, c *kernels.Call) error {
	return runNoising(q, c, "_vector", nil)
}

func noisingRows(q *gpu.Queue, c *kernels.Call) error {
	return runNoising(q, c, "", []any{pitches(c.In[0], gpu.In(c.In, 3), c.Out[0], c.Out[1])})
}

// runNoising launches noising or noising_given with a name's ending and arguments that come before the addresses.
func runNoising(q *gpu.Queue, c *kernels.Call, ending string, layout []any) error {
	o, x, t, table, eps := c.Op.(Noising), c.In[0], c.In[1], c.In[2], gpu.In(c.In, 3)
	times := noisingTimes{T: gpu.Ptr(t), Table: gpu.Ptr(table), TPitch: int32(t.Pitch), Steps: int32(table.N), TablePitch: int32(table.Pitch), Column1: 1, Column2: 2}
	if o.Transpose {
		times.Column1, times.Column2 = 2, 1
	}
	l := gpu.Launch{Module: "noising", Kernel: "noising" + ending, Block: cuda.Dim3{X: rng.GroupThreads}, Operands: gpu.Uses(c)}
	g := rng.GroupsOf(x.Spec)
	grid, repeat := g.Loop()
	l.Grid = grid
	from := []any{gpu.Ptr(x)}
	if eps != nil {
		l.Kernel = "noising_given" + ending
		from = append(from, gpu.Ptr(eps))
	} else {
		l.Args = []any{q.State, o.Stream}
	}
	l.Args = append(append(append(l.Args, g, repeat, times), layout...), from...)
	l.Args = append(l.Args, gpu.Ptr(c.Out[0]), gpu.Ptr(c.Out[1]))
	return q.Launch(l)
}

// pitches4 is Pitches of noising.cu and reverse_update.cu.
type pitches4 [4]int32

// pitches returns the pitches of four operands, 0 where one is absent.
func pitches(list ...*kernels.Operand) (p pitches4) {
	for i, o := range list {
		if o != nil {
			p[i] = int32(o.Pitch)
		}
	}
	return p
}
