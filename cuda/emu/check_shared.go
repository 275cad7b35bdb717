package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// Shared-memory races. A cell holds the warp that last wrote it with the warp's epoch, and the warps that read it since the
// last barrier of the whole block. An access races with another if no barrier that both warps took part in lies between.
const (
	warpBits     = 5
	warpMask     = uint32(1)<<warpBits - 1
	sharedAtomic = uint32(1) << warpBits
	cellEpoch    = warpBits + 1
	maxEpoch     = uint32(1) << (31 - cellEpoch)
)

// sharedCells are the race cells of a worker's shared memory.
type sharedCells struct {
	shift uint
	wr    []uint32
	rd    []uint64
}

// fit sizes the cells for n bytes and returns the epoch that the next block starts with.
func (s *sharedCells) fit(n int, shift uint, epoch uint32) uint32 {
	cells := n>>shift + 1
	if s.shift != shift || len(s.wr) < cells {
		*s = sharedCells{shift: shift, wr: make([]uint32, cells), rd: make([]uint64, cells)}
		return 1
	}
	if epoch >= maxEpoch {
		clear(s.wr)
		clear(s.rd)
		return 1
	}
	return epoch
}

// unordered tells whether the access in a writer's word is not ordered before the warp's next.
func (w *warp) unordered(c uint32) bool {
	if c < w.minSeen<<cellEpoch {
		return false
	}
	o := c & warpMask
	return o != uint32(w.id) && c>>cellEpoch >= w.seen[o]
}

// noteSharedRead records a load of [off, off+n); false if it races with a store.
func (w *warp) noteSharedRead(off, n uint64) bool {
	b := w.blk
	s := &w.wk.cells
	lo, hi := off>>s.shift, (off+n-1)>>s.shift+1
	wr, rd := s.wr[lo:hi], s.rd[lo:hi]
	now := uint64(b.readEpoch)<<32 | 1<<uint(w.id)
	floor := w.minSeen << cellEpoch
	for i, c := range wr {
		if c >= floor && w.unordered(c) {
			return false
		}
		if r := rd[i]; uint32(r>>32) == b.readEpoch {
			rd[i] = r | now
		} else {
			rd[i] = now
		}
	}
	return true
}

// noteSharedWrite records a store; false if it races with a load or a store of another warp.
func (w *warp) noteSharedWrite(off, n uint64, atomic uint32) bool {
	b := w.blk
	s := &w.wk.cells
	lo, hi := off>>s.shift, (off+n-1)>>s.shift+1
	wr, rd := s.wr[lo:hi], s.rd[lo:hi]
	me := w.epoch<<cellEpoch | atomic | uint32(w.id)
	floor := w.minSeen << cellEpoch
	for i, c := range wr {
		if c >= floor && c&atomic == 0 && w.unordered(c) {
			return false
		}
		if r := rd[i]; uint32(r>>32) == b.readEpoch && uint32(r)&^(1<<uint(w.id)) != 0 && w.readersUnordered(uint32(r)) {
			return false
		}
		wr[i] = me
	}
	return true
}

// readersUnordered tells whether one of the warps that read a cell since the last whole barrier has not met this warp at a
// barrier of part of the block.
func (w *warp) readersUnordered(readers uint32) bool {
	readers &^= 1 << uint(w.id)
	for readers != 0 {
		i := firstLane(readers)
		readers &= readers - 1
		if w.seen[i] <= w.blk.wholeEpoch {
			return true
		}
	}
	return false
}

// sharedRace reports conflicting accesses of two warps.
func (w *warp) sharedRace(in *inst, lane int, off, n uint64, write bool) *fault {
	s := &w.wk.cells
	other, did := -1, ""
	for i := off >> s.shift; i <= (off+n-1)>>s.shift; i++ {
		c, r := s.wr[i], s.rd[i]
		if w.unordered(c) {
			other, did = int(c&warpMask), "stored"
			break
		}
		if rest := uint32(r) &^ (1 << uint(w.id)); write && uint32(r>>32) == w.blk.readEpoch && rest != 0 {
			other, did = firstLane(rest), "loaded"
			break
		}
	}
	verb := "loads"
	if write {
		verb = "stores to"
	}
	return w.sharedFault(cuda.SharedRace, in, lane, off, n,
		fmt.Sprintf("%s what warp %d (threads %d to %d) %s without a barrier between", verb, other, other*warpSize, other*warpSize+warpSize-1, did))
}

// meetAt orders the accesses of the warps of a barrier: what each did before is seen by all.
func (b *block) meetAt(warps []*warp, whole bool) {
	var epoch uint32
	var seen [warpSize]uint32
	for _, w := range warps {
		epoch = max(epoch, w.epoch+1)
		for i, s := range w.seen {
			seen[i] = max(seen[i], s)
		}
	}
	for _, w := range warps {
		seen[w.id] = epoch
	}
	if whole {
		for i := range seen {
			seen[i] = epoch
		}
		b.readEpoch = b.wk.nextReadEpoch()
		b.wholeEpoch = epoch
	}
	low := seen[0]
	for _, s := range seen[:len(b.warps)] {
		low = min(low, s)
	}
	for _, w := range warps {
		w.epoch, w.seen, w.minSeen = epoch, seen, low
	}
	b.lastEpoch = max(b.lastEpoch, epoch)
}
