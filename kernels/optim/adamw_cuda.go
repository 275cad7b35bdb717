package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	optimThreads  = 256
	adamWElements = 4 // a thread of adamw_vector
)

// adamWCUDA makes one pass over the arena.
func adamWCUDA(q *gpu.Queue, c *kernels.Call) error {
	for i, out := range c.Out {
		if from := (AdamW{}).Alias(i); gpu.Ptr(out) != gpu.Ptr(c.In[from]) {
			return fmt.Errorf("adamw: output %d lies elsewhere than input %d, expected an update in place", i, from)
		}
	}
	p, m, v, ema, g, copied := c.In[0], c.In[1], c.In[2], c.In[3], c.In[4], gpu.In(c.In, 7)
	l := gpu.Launch{Module: "adamw", Kernel: "adamw_scalar", Block: cuda.Dim3{X: optimThreads}, Operands: gpu.Uses(c),
		Args: []any{q.State, gpu.Ptr(c.In[5]), gpu.Ptr(c.In[6]), int64(p.C), int64(c.Op.(AdamW).DecayElements), gpu.Ptr(p), gpu.Ptr(m),
			gpu.Ptr(v), gpu.Ptr(ema), gpu.Ptr(g), gpu.Ptr(copied)}}
	l.Grid.X = gpu.Ceil(p.C, optimThreads)
	if gpu.Aligned(4, p, m, v, ema, g, copied) {
		l.Kernel = "adamw_vector"
		l.Grid.X = gpu.Ceil(p.C, optimThreads*adamWElements)
	}
	return q.Launch(l)
}
