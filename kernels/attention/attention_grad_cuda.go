package attention

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	dqThreads    = 128
	dkvThreads   = 256
	deltaThreads = 256
	deltaLanes   = 4
)

// dqStreamed is the number of keys in a panel of attention_dq.
func dqStreamed(s shape) int { return s.streamed(32, 16) }

// dkvStreamed is the number of queries in a panel of attention_dkv.
func dkvStreamed(s shape) int {
	if s.dtype == kernels.F32 {
		return s.streamed(32, 8)
	}
	return s.streamed(32, 16)
}

func dqShared(s shape) int {
	return max(s.panels(2, dqStreamed(s))+s.spill(dqStreamed(s)), s.finished())
}

// dkvShared has room for the weights, a float32 for every pair of a row of the block and a streamed row.
func dkvShared(s shape) int {
	n := dkvStreamed(s)
	return max(s.panels(2, n)+2*s.spill(n)+s.rows()*n*4, s.finished())
}

func attentionGradShared(s shape) int { return max(dqShared(s), dkvShared(s)) }

// attentionGradScratch holds delta, a float32 for every query of every head.
func attentionGradScratch(c *kernels.Call, _ kernels.Props) int64 {
	q := c.In[0]
	return 4 * int64(q.Rows()) * int64(c.Op.(AttentionGrad).Heads)
}

func attentionGradCUDA(q *gpu.Queue, c *kernels.Call, s shape) error {
	o, lse, dout := c.In[3], c.In[4], c.In[5]
	dq, dk, dv := c.Out[0], c.Out[1], c.Out[2]
	a := s.arguments(c, c.Op.(AttentionGrad).forward().scale(s.width))
	a.O, a.LDO, a.LSE, a.LSEPitch = gpu.Ptr(o), int32(o.Pitch), gpu.Ptr(lse), int32(lse.Pitch)
	a.DOut, a.LDDOut, a.Delta = gpu.Ptr(dout), int32(dout.Pitch), gpu.Ptr(c.Scratch)
	a.DQ, a.LDDQ, a.DK, a.LDDK, a.DV, a.LDDV = gpu.Ptr(dq), int32(dq.Pitch), gpu.Ptr(dk), int32(dk.Pitch), gpu.Ptr(dv), int32(dv.Pitch)

	bytes := attentionGradScratch(c, q.Library.Props())
	reads := []cuda.Operand{gpu.UseBytes(c.Scratch, 0, bytes, cuda.Read), gpu.Use(lse, cuda.Read), gpu.Use(dout, cuda.Read)}
	for _, in := range c.In[:3] {
		reads = append(reads, gpu.Use(in, cuda.Read))
	}
	uses := func(out ...*kernels.Operand) []cuda.Operand {
		list := append([]cuda.Operand(nil), reads...)
		for _, o := range out {
			list = append(list, gpu.Use(o, cuda.Write))
		}
		return list
	}
	rows := int(bytes / 4)
	delta := gpu.Launch{Module: "attention_grad", Kernel: "attention_delta_" + gpu.Suffix(s.dtype), Args: []any{a, int32(rows)},
		Grid: cuda.Dim3{X: gpu.Ceil(rows*deltaLanes, deltaThreads)}, Block: cuda.Dim3{X: deltaThreads},
		Operands: []cuda.Operand{gpu.Use(o, cuda.Read), gpu.Use(dout, cuda.Read), gpu.UseBytes(c.Scratch, 0, bytes, cuda.Write)}}
	if s.variant == anyPitch {
		delta.Kernel = "attention_delta_any_" + gpu.Suffix(s.dtype)
	}
	for _, l := range []gpu.Launch{delta,
		{Module: "attention_grad", Kernel: s.kernel("attention_dq"), Grid: s.grid(s.queries, dq.N), Block: cuda.Dim3{X: dqThreads},
			Shared: dqShared(s), Args: []any{a}, Operands: uses(dq)},
		{Module: "attention_grad", Kernel: s.kernel("attention_dkv"), Grid: s.grid(s.keys, dq.N), Block: cuda.Dim3{X: dkvThreads},
			Shared: dkvShared(s), Args: []any{a}, Operands: uses(dk, dv)}} {
		if err := q.Launch(l); err != nil {
			return err
		}
	}
	return nil
}
