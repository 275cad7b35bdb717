package emu

import (
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
)

// Blocks may hand data to each other: one writes, executes a fence and changes a flag atomically; the other changes or reads
// the flag atomically and then reads the data. Kernels that can do so run their blocks in order, and the device keeps, for
// each address used in this way, how often each block had released its writes there. That takes blocks x addresses bytes: beyond
// syncLimit, new addresses share one clock that stands for every release so far, so races between blocks that hand over
// there go unreported; nothing is reported wrongly.

// syncLimit is how much memory the clocks of one launch may take: 16384 addresses in a launch of as many blocks.
const syncLimit = 256 << 20

// release publishes the current block's writes at addr if a fence came before; acquire takes over what others published.
func (w *warp) release(addr uint64) {
	b, l := w.blk, w.wk.l
	if !b.fenced || l.parallel {
		return
	}
	clock := l.dev.syncs[addr]
	if clock == nil {
		clock = l.newClock()
		l.dev.syncs[addr] = clock
	}
	if b.releases < epochMax {
		b.releases++
	}
	if &clock[0] != &l.all()[0] {
		joinClock(clock, b.acquired)
		clock[b.index] = uint8(b.releases)
	}
	b.mark = uint32(b.index) + 1 | min(b.releases, epochMax-1)<<epochShift
}

// newClock returns the clock of an address that is used for the first time.
func (l *launch) newClock() []uint8 {
	if l.dev.syncBytes+l.blocks > syncLimit {
		return l.all()
	}
	l.dev.syncBytes += l.blocks
	return make([]uint8, l.blocks)
}

// all is the clock that is ahead of every block's releases.
func (l *launch) all() []uint8 {
	if l.dev.syncAll == nil {
		l.dev.syncAll = make([]uint8, l.blocks)
		for i := range l.dev.syncAll {
			l.dev.syncAll[i] = epochMax
		}
	}
	return l.dev.syncAll
}

func (w *warp) acquire(addr uint64) {
	b, l := w.blk, w.wk.l
	if l.parallel || len(l.dev.syncs) == 0 {
		return
	}
	clock := l.dev.syncs[addr]
	if clock == nil {
		return
	}
	if b.acquired == nil {
		b.acquired = make([]uint8, l.blocks)
	}
	joinClock(b.acquired, clock)
}

func joinClock(dst, src []uint8) {
	for i, v := range src {
		dst[i] = max(dst[i], v)
	}
}

// loadSync gives volatile, relaxed and acquire loads their meaning between blocks.
func (w *warp) loadSync(in *inst, mask uint32) *fault {
	return w.eachSync(in, mask, true, w.acquire)
}

// storeSync gives volatile, relaxed and release stores their meaning between blocks.
func (w *warp) storeSync(in *inst, mask uint32) *fault {
	if in.ast.Has("release") {
		w.blk.fenced = true
	}
	return w.eachSync(in, mask, false, w.release)
}

// eachSync records an access as atomic and calls f with its address.
func (w *warp) eachSync(in *inst, mask uint32, load bool, f func(addr uint64)) *fault {
	if w.wk.l.blocks == 1 {
		return nil
	}
	m := in.mem
	last := ^uint64(0) // lanes of one address hand data over once
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		v, off, bad := w.access(in, i, w.addr[i], m.total, cuda.Read)
		if bad != nil {
			return bad
		}
		if v.tracked && !w.wk.noteAtomic(v, off, m.total, load) {
			return w.globalRace(in, i, v, off, m.total, !load)
		}
		if w.addr[i] != last {
			f(w.addr[i])
		}
		last = w.addr[i]
	}
	return nil
}

// fenceOp is membar and fence (PTX ISA 9.7.12.4). The emulator's memory is always in order: a fence only matters to the race
// checks.
type fenceOp struct{ wide bool } // seen by other blocks

func (o fenceOp) exec(w *warp, _ *inst, _ uint32) *fault {
	w.fenced = true
	if o.wide {
		w.blk.fenced = true
	}
	return nil
}
