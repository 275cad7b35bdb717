package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// Shared-memory races. A cell holds the warp that last wrote it with the warp's epoch, and the warps that read it since the
// last barrier of the whole block, and those that changed it atomically since then. An access races with another if no barrier that both warps took part in lies between.
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
	at    []uint64 // like rd, for atomic accesses; nil until there is one
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
		clear(s.at)
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
		if c >= floor && (w.unordered(c) || w.atomicsUnordered(c, lo+uint64(i))) {
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
		if c >= floor && c&atomic == 0 && (w.unordered(c) || w.atomicsUnordered(c, lo+uint64(i))) {
			return false
		}
		if r := rd[i]; uint32(r>>32) == b.readEpoch && uint32(r)&^(1<<uint(w.id)) != 0 && w.readersUnordered(uint32(r)) {
			return false
		}
		wr[i] = me
	}
	if atomic != 0 {
		s.noteAtomic(lo, hi, uint64(b.readEpoch)<<32|1<<uint(w.id))
	}
	return true
}

// noteAtomic adds a warp to those that changed cells atomically since the last barrier of the whole block.
func (s *sharedCells) noteAtomic(lo, hi, now uint64) {
	if s.at == nil {
		s.at = make([]uint64, len(s.wr))
	}
	at := s.at[lo:hi]
	for i, a := range at {
		if a>>32 != now>>32 {
			a = now
		}
		at[i] = a | now
	}
}

// atomicsUnordered tells whether another warp than the last, which writer's word c names, changed the cell atomically and is not
// ordered before this warp's plain access.
func (w *warp) atomicsUnordered(c uint32, cell uint64) bool {
	if c&sharedAtomic == 0 {
		return false
	}
	a := w.wk.cells.at[cell]
	return uint32(a>>32) == w.blk.readEpoch && w.readersUnordered(uint32(a))
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
		if w.atomicsUnordered(c, i) {
			other, did = firstLane(uint32(s.at[i])&^(1<<uint(w.id))), "changed atomically"
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

// arrival is a warp that has come to a barrier: its accesses in epochs below released are ordered before those of the warps
// that wait there.
type arrival struct {
	w        *warp
	released uint32
}

// meetAt orders the accesses of the warps of a barrier: what each did before it came is seen by those that wait.
func (b *block) meetAt(came []arrival, waiting []*warp) {
	whole := len(waiting) == len(b.warps)
	var epoch uint32
	var seen [warpSize]uint32
	for _, c := range came {
		epoch = max(epoch, c.w.epoch+1)
		for i, s := range c.w.seen {
			seen[i] = max(seen[i], s)
		}
	}
	for _, c := range came {
		seen[c.w.id] = max(seen[c.w.id], c.released)
	}
	if whole {
		for i := range seen {
			seen[i] = epoch
		}
		b.readEpoch = b.wk.nextReadEpoch()
		b.wholeEpoch = epoch
	}
	for _, w := range waiting {
		w.epoch, w.seen = epoch, seen
		w.lowest()
	}
	b.lastEpoch = max(b.lastEpoch, epoch)
}

// lowest finds the epoch below which no access needs a closer look.
func (w *warp) lowest() {
	w.minSeen = w.seen[0]
	for _, s := range w.seen[1:len(w.blk.warps)] {
		w.minSeen = min(w.minSeen, s)
	}
}

// nextEpoch separates what the warp has done, which others may come to see, from what it does next.
func (w *warp) nextEpoch() uint32 {
	w.epoch++
	w.blk.lastEpoch = max(w.blk.lastEpoch, w.epoch)
	return w.epoch
}

// releaseShared lets the warps that acquire the same word of shared memory see what this one did before its fence;
// acquireShared takes over what others released. Words are told apart by their offsets.
func (w *warp) releaseShared(off uint64) {
	if !w.fenced {
		return
	}
	b := w.blk
	if b.handed == nil {
		b.handed = map[uint64]*[warpSize]uint32{}
	}
	clock := b.handed[off]
	if clock == nil {
		clock = new([warpSize]uint32)
		b.handed[off] = clock
	}
	for i, s := range w.seen {
		clock[i] = max(clock[i], s)
	}
	clock[w.id] = w.nextEpoch()
}

func (w *warp) acquireShared(off uint64) {
	clock := w.blk.handed[off]
	if clock == nil {
		return
	}
	for i, s := range clock {
		w.seen[i] = max(w.seen[i], s)
	}
	w.lowest()
}

// eachSharedSync calls f with the offsets of a volatile, relaxed, acquire or release access.
func (w *warp) eachSharedSync(mask uint32, f func(off uint64)) {
	for t := mask; t != 0; t &= t - 1 {
		f(w.addr[firstLane(t)])
	}
}
