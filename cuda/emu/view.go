package emu

import (
	"github.com/unnoise/unnoise/cuda"
)

// opRange is a declared operand inside one allocation; lo and hi are offsets.
type opRange struct {
	op       *cuda.Operand
	lo, hi   uint64
	pitch    uint64 // 0: contiguous
	rowBytes uint64
	overlaps bool // shares bytes with an operand that may be read
}

// allows tells whether [off, off+n) belongs to the operand.
func (r *opRange) allows(off, n uint64) bool {
	if off < r.lo || off+n > r.hi {
		return false
	}
	return r.pitch == 0 || (off-r.lo)%r.pitch+n <= r.rowBytes
}

// view is what a worker sees of an allocation during one launch.
type view struct {
	a       *allocation
	ranges  []opRange
	open    bool // any access is allowed: nothing was declared, or a variable of the module
	tracked bool // races between blocks are looked for
	pages   []*racePage
	saved   *savedPages
	last    *opRange
	stamp   uint64
}

// allows tells whether an access lies inside the allocation and the declared operands.
func (v *view) allows(off, n uint64, mode cuda.Mode) bool {
	if off > v.a.size || n > v.a.size-off {
		return false
	}
	if v.open {
		return mode&cuda.Write == 0 || !v.a.readOnly
	}
	if r := v.last; r != nil && r.grants(mode) && r.allows(off, n) {
		return true
	}
	for i := range v.ranges {
		if r := &v.ranges[i]; r.grants(mode) && r.allows(off, n) {
			v.last = r
			return true
		}
	}
	return false
}

// grants tells whether the operand's mode permits the access. Loads from write operands are permitted here and stopped by
// the shadow where the launch has not written.
func (r *opRange) grants(mode cuda.Mode) bool {
	return r.op.Mode&mode == mode || mode == cuda.Read
}

// mustWrite tells whether undefined bytes at off are old contents of a write operand.
func (v *view) mustWrite(off, n uint64) bool {
	for i := range v.ranges {
		if r := &v.ranges[i]; r.op.Mode == cuda.Write && r.allows(off, n) {
			return true
		}
	}
	return false
}

const viewSlots = 64

// view returns what the worker sees at an address, or nil if no live allocation is there.
func (wk *worker) view(addr uint64) *view {
	id := uint32(addr >> idShift)
	slot := &wk.views[id%viewSlots]
	if v := *slot; v != nil && v.a.id == id && v.stamp == wk.l.stamp {
		return v
	}
	v := wk.newView(addr)
	if v != nil {
		*slot = v
	}
	return v
}

func (wk *worker) newView(addr uint64) *view {
	a := wk.l.dev.mem.find(addr)
	if a == nil || a.freed || a.variable && a.id >= firstAlloc && !wk.l.fn.mod.owns(a) {
		return nil
	}
	v := wk.allViews[a.id]
	if v != nil && v.stamp == wk.l.stamp {
		return v
	}
	if v == nil {
		v = &view{a: a}
		wk.allViews[a.id] = v
	}
	l := wk.l
	v.stamp, v.last = l.stamp, nil
	v.ranges = l.ranges[a.id]
	v.open = !l.declared || a.variable
	v.tracked = l.blocks > 1 && !a.readOnly
	if !v.open {
		v.tracked = v.tracked && anyWritten(v.ranges)
	}
	v.saved = nil
	if l.journal != nil {
		v.saved = l.journal.of(a)
	}
	return v
}

func anyWritten(ranges []opRange) bool {
	for i := range ranges {
		if ranges[i].op.Mode&cuda.Write != 0 {
			return true
		}
	}
	return false
}

// saveOld keeps the old contents of what is about to be written, if the launch may have to be undone.
func (wk *worker) saveOld(v *view, off, n uint64) {
	if v.saved != nil {
		wk.l.journal.save(v.a, v.saved, off, n)
	}
}
