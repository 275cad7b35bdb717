package emu

import (
	"github.com/unnoise/unnoise/cuda"
)

// counters adds up what the workers counted.
func (l *launch) counters(workers []*worker) *cuda.LaunchCounters {
	t := &cuda.LaunchCounters{Kernel: l.fn.ast.Name, Label: l.label, Grid: l.grid, Block: l.block}
	for _, wk := range workers {
		addCounters(t, &wk.ctr)
		for _, f := range l.fn.reach {
			for pc, p := range wk.profiles[f.id] {
				if info := f.info[pc]; info != nil && p.issues > 0 {
					count(&t.Instructions.Warp, info.class, int64(p.issues))
					count(&t.Instructions.Thread, info.class, int64(p.lanes))
					if u := unitCounter(&t.FLOPs, info.unit); u != nil {
						*u += info.flops * int64(p.lanes)
					}
				}
			}
		}
	}
	return t
}

func addCounters(t, c *cuda.LaunchCounters) {
	addMemory(&t.Global, &c.Global)
	addMemory(&t.Local, &c.Local)
	t.Shared.LoadAccesses += c.Shared.LoadAccesses
	t.Shared.StoreAccesses += c.Shared.StoreAccesses
	t.Shared.LoadBytes += c.Shared.LoadBytes
	t.Shared.StoreBytes += c.Shared.StoreBytes
	t.Shared.LoadWavefronts += c.Shared.LoadWavefronts
	t.Shared.StoreWavefronts += c.Shared.StoreWavefronts
	t.Shared.LoadIdeal += c.Shared.LoadIdeal
	t.Shared.StoreIdeal += c.Shared.StoreIdeal
	t.Barriers += c.Barriers
	t.AsyncCopies += c.AsyncCopies
	t.Atomics += c.Atomics
	t.DivergentBranches += c.DivergentBranches
}

func addMemory(t, c *cuda.MemoryCounters) {
	t.LoadAccesses += c.LoadAccesses
	t.StoreAccesses += c.StoreAccesses
	t.LoadBytes += c.LoadBytes
	t.StoreBytes += c.StoreBytes
	t.LoadSectors += c.LoadSectors
	t.StoreSectors += c.StoreSectors
}

func count(c *cuda.ClassCounters, cl class, n int64) {
	switch cl {
	case clInteger:
		c.Integer += n
	case clFloat32:
		c.Float32 += n
	case clHalf:
		c.Half += n
	case clFloat64:
		c.Float64 += n
	case clTensor:
		c.Tensor += n
	case clConvert:
		c.Convert += n
	case clMove:
		c.Move += n
	case clPredicate:
		c.Predicate += n
	case clSpecial:
		c.Special += n
	case clLoad:
		c.Load += n
	case clStore:
		c.Store += n
	case clAtomic:
		c.Atomic += n
	case clBarrier:
		c.Barrier += n
	case clBranch:
		c.Branch += n
	case clCross:
		c.Cross += n
	case clOther:
		c.Other += n
	}
}

func unitCounter(c *cuda.FLOPCounters, u unit) *int64 {
	switch u {
	case unFloat32:
		return &c.Float32
	case unFloat16:
		return &c.Float16
	case unBFloat16:
		return &c.BFloat16
	case unFloat64:
		return &c.Float64
	case unSpecial:
		return &c.Special
	case unTensorF16:
		return &c.TensorF16
	case unTensorBF16:
		return &c.TensorBF16
	case unTensorTF32:
		return &c.TensorTF32
	}
	return nil
}
