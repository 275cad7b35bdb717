package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
)

// A race cell stands for the smallest piece of memory that the kernel accesses. The writer's and the reader's word hold
// the block that accessed it, plus one, and how often that block had released its writes to others; three marks say that
// several blocks did, that all writes were atomic, and that these were only atomic loads.
const (
	blockBits  = 26
	blockMask  = uint32(1)<<blockBits - 1
	epochShift = blockBits
	epochMax   = 7
	manyBlocks = uint32(1) << 29
	atomicMark = uint32(1) << 30
	loadMark   = uint32(1) << 31
)

// racePage holds the cells of one page.
type racePage struct {
	stamp  uint64
	shift  uint
	wr, rd []uint32
}

// racePage returns the race cells of a page of the view, cleared at their first use in a launch.
func (wk *worker) racePage(v *view, page uint64) *racePage {
	if v.pages == nil {
		v.pages = make([]*racePage, len(v.a.data)>>pageShift)
	}
	p := v.pages[page]
	shift := wk.l.fn.globalShift
	switch {
	case p == nil || p.shift != shift:
		n := 1 << (pageShift - shift)
		p = &racePage{shift: shift, wr: make([]uint32, n), rd: make([]uint32, n)}
		v.pages[page] = p
		wk.raceBytes += 8 * n
	case p.stamp != wk.l.stamp:
		clear(p.wr)
		clear(p.rd)
	}
	if p.stamp != wk.l.stamp {
		p.stamp = wk.l.stamp
		wk.touched = append(wk.touched, touchedPage{v, page})
	}
	return p
}

// touchedPage is a page with race cells of the current launch.
type touchedPage struct {
	v    *view
	page uint64
}

// eachCells calls f with the cells of [off, off+n), page by page.
func (wk *worker) eachCells(v *view, off, n uint64, f func(wr, rd []uint32) bool) bool {
	for end := off + n; off < end; {
		page := off >> pageShift
		stop := min(end, (page+1)<<pageShift)
		p := wk.racePage(v, page)
		lo, hi := off&(1<<pageShift-1)>>p.shift, (stop-page<<pageShift+1<<p.shift-1)>>p.shift
		if !f(p.wr[lo:hi], p.rd[lo:hi]) {
			return false
		}
		off = stop
	}
	return true
}

// noteRead records a plain load by the current block; false if another block wrote there.
func (wk *worker) noteRead(v *view, off, n uint64) bool {
	me := wk.blk.mark
	return wk.eachCells(v, off, n, func(wr, rd []uint32) bool {
		rd = rd[:len(wr)]
		for i, c := range wr {
			if c != 0 && c&loadMark == 0 && (c^me)&(blockMask|manyBlocks) != 0 && !wk.ordered(c) {
				return false
			}
			if r := rd[i]; r != me {
				rd[i] = joinBlocks(r, me)
			}
		}
		return true
	})
}

// noteWrite records a plain store; false if another block accessed the same cell.
func (wk *worker) noteWrite(v *view, off, n uint64) bool {
	me := wk.blk.mark
	return wk.eachCells(v, off, n, func(wr, rd []uint32) bool {
		rd = rd[:len(wr)]
		for i, c := range wr {
			if c != 0 && (c^me)&(blockMask|manyBlocks) != 0 && !wk.ordered(c) {
				return false
			}
			if r := rd[i]; r != 0 && (r^me)&(blockMask|manyBlocks) != 0 && !wk.ordered(r) {
				return false
			}
			wr[i] = me
		}
		return true
	})
}

// noteAtomic records an atomic access, which races only with plain ones of other blocks; a load only with plain stores.
func (wk *worker) noteAtomic(v *view, off, n uint64, load bool) bool {
	me := wk.blk.mark
	return wk.eachCells(v, off, n, func(wr, rd []uint32) bool {
		for i, c := range wr {
			if c != 0 && c&atomicMark == 0 {
				if (c^me)&blockMask != 0 && !wk.ordered(c) {
					return false
				}
				if load {
					continue // the word goes on standing for the plain store
				}
			}
			if r := rd[i]; !load && r != 0 && (r^me)&(blockMask|manyBlocks) != 0 && !wk.ordered(r) {
				return false
			}
			marks := atomicMark
			if load && (c == 0 || c&loadMark != 0) {
				marks |= loadMark
			}
			wr[i] = joinBlocks(c&^(atomicMark|loadMark), me) | marks
		}
		return true
	})
}

// joinBlocks adds block me to those that a word stands for; it goes on naming the first of them.
func joinBlocks(old, me uint32) uint32 {
	if old == 0 || (old^me)&(blockMask|manyBlocks) == 0 {
		return me
	}
	return manyBlocks | old
}

// ordered tells whether the accesses that a word stands for happened before the current block's, by way of a fence and an
// atomic of the other block, and an atomic of this block on the same address afterwards.
func (wk *worker) ordered(c uint32) bool {
	acq := wk.blk.acquired
	if acq == nil {
		return false
	}
	if c&manyBlocks != 0 {
		return true
	}
	b := int(c&blockMask) - 1
	return b < len(acq) && uint32(acq[b]) > min(c>>epochShift&epochMax, epochMax-1)
}

// globalRace reports conflicting accesses of two blocks.
func (w *warp) globalRace(in *inst, lane int, v *view, off, n uint64, write bool) *fault {
	other, did := w.wk.rival(v, off, n, write)
	verb := "loads"
	if write {
		verb = "stores"
	}
	detail := fmt.Sprintf("%s what another block %s in the same launch", verb, did)
	if other >= 0 {
		detail = fmt.Sprintf("%s what block %s %s in the same launch", verb, dimString(w.wk.l.blockPos(other)), did)
	}
	return w.globalFault(cuda.GlobalRace, in, lane, v.a.base+off, detail)
}

// rival finds the other block of a race, -1 if several took part.
func (wk *worker) rival(v *view, off, n uint64, write bool) (block int64, did string) {
	me := wk.blk.mark
	block, did = -1, "stored"
	name := func(c uint32, what string) bool {
		if c == 0 || !write && c&loadMark != 0 || (c^me)&(blockMask|manyBlocks) == 0 || wk.ordered(c) {
			return false
		}
		did = what
		if (c^me)&blockMask != 0 {
			block = int64(c&blockMask) - 1
		}
		return true
	}
	wk.eachCells(v, off, n, func(wr, rd []uint32) bool {
		for i, c := range wr {
			what := "stored"
			if c&loadMark != 0 {
				what = "loaded"
			} else if c&atomicMark != 0 {
				what = "changed atomically"
			}
			if name(c, what) || write && name(rd[i], "loaded") {
				return false
			}
		}
		return true
	})
	return block, did
}

// raceBetween tells whether workers that ran different blocks of a launch made conflicting accesses: some cell was written
// by one and accessed by another.
func raceBetween(workers []*worker) bool {
	type pageKey struct {
		id   uint32
		page uint64
	}
	seen := map[pageKey][]*racePage{}
	for _, wk := range workers {
		for _, t := range wk.touched {
			k := pageKey{t.v.a.id, t.page}
			p := t.v.pages[t.page]
			for _, q := range seen[k] {
				if p.conflicts(q) {
					return true
				}
			}
			seen[k] = append(seen[k], p)
		}
	}
	return false
}

func (p *racePage) conflicts(q *racePage) bool {
	for i, c := range p.wr {
		d := q.wr[i]
		switch {
		case c == 0 && d == 0:
		case c != 0 && q.rd[i] != 0, d != 0 && p.rd[i] != 0:
			return true
		case c != 0 && d != 0 && c&d&atomicMark == 0:
			return true
		}
	}
	return false
}
