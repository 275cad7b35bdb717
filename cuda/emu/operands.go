package emu

import (
	"fmt"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// lifeKey names a temporary; lifeState is the range it lies in while it lives.
type lifeKey struct{ number uint32 }
type lifeState struct{ lo, hi uint64 }

// setOperands checks the declared operands and sorts them by allocation.
func (l *launch) setOperands() error {
	l.ranges = map[uint32][]opRange{}
	for i := range l.ops {
		o := &l.ops[i]
		bad := func(detail string) error {
			return &cuda.Error{Code: cuda.InvalidValue, Call: "Launch", Kernel: l.fn.ast.Name, Detail: fmt.Sprintf("operand %s: %s", o.Name, detail)}
		}
		if o.Mode < cuda.Read || o.Mode > cuda.ReadWrite {
			return bad(fmt.Sprintf("mode %d is none of read, write, read-write", o.Mode))
		}
		if o.RowBytes < 0 || o.Rows < 0 || o.Rows > 1 && o.Pitch < o.RowBytes {
			return bad(fmt.Sprintf("%d rows of %d bytes with pitch %d", o.Rows, o.RowBytes, o.Pitch))
		}
		if o.RowBytes == 0 {
			continue
		}
		if o.Rows > 1 && o.Pitch > int64(windowMid)/o.Rows {
			return bad("extent is too large")
		}
		a := l.dev.mem.find(uint64(o.Ptr))
		switch {
		case a == nil:
			return bad(fmt.Sprintf("address %#x belongs to no allocation", uint64(o.Ptr)))
		case a.freed:
			return bad(fmt.Sprintf("memory of %q was freed", a.label))
		}
		lo, n := uint64(o.Ptr)-a.base, uint64(o.Extent())
		if lo > a.size || n > a.size-lo {
			return bad(fmt.Sprintf("%d bytes: %s", n, a.locate(uint64(o.Ptr), n)))
		}
		r := opRange{op: o, lo: lo, hi: lo + n, rowBytes: uint64(o.RowBytes)}
		if o.Rows > 1 && o.Pitch != o.RowBytes {
			r.pitch = uint64(o.Pitch)
		}
		l.ranges[a.id] = append(l.ranges[a.id], r)
	}
	for _, rs := range l.ranges {
		for i := range rs {
			for j := range rs {
				if i != j && rs[j].op.Mode&cuda.Read != 0 && rs[i].lo < rs[j].hi && rs[j].lo < rs[i].hi {
					rs[i].overlaps = true
				}
			}
		}
	}
	return nil
}

// eachRow calls f for every contiguous piece of the operand.
func (r *opRange) eachRow(f func(lo, hi uint64) bool) {
	if r.pitch == 0 {
		f(r.lo, r.hi)
		return
	}
	for lo := r.lo; lo < r.hi; lo += r.pitch {
		if !f(lo, lo+r.rowBytes) {
			return
		}
	}
}

// eachRange calls f for the operands in the order in which they were declared.
func (l *launch) eachRange(f func(a *allocation, r *opRange) bool) {
	for i := range l.ops {
		a := l.dev.mem.find(uint64(l.ops[i].Ptr))
		if a == nil || a.freed {
			continue
		}
		for j := range l.ranges[a.id] {
			if r := &l.ranges[a.id][j]; r.op == &l.ops[i] && !f(a, r) {
				return
			}
		}
	}
}

// clearWritten marks the bytes of write operands as not written by this launch.
func (l *launch) clearWritten() {
	l.eachRange(func(a *allocation, r *opRange) bool {
		if r.op.Mode == cuda.Write {
			r.eachRow(func(lo, hi uint64) bool {
				if !r.overlaps {
					clear(a.init[lo:hi])
					return true
				}
				for i, s := range a.init[lo:hi] {
					if s == defined {
						a.init[lo+uint64(i)] = oldValue
					}
				}
				return true
			})
		}
		return true
	})
}

// checkWritten reports the first byte of a write operand that the launch has not written.
func (l *launch) checkWritten() *fault {
	var found *fault
	l.eachRange(func(a *allocation, r *opRange) bool {
		if r.op.Mode != cuda.Write {
			return true
		}
		var missing, first uint64
		r.eachRow(func(lo, hi uint64) bool {
			row := a.init[lo:hi]
			if allWritten(row) {
				return true
			}
			for i, s := range row {
				if s != defined {
					if missing == 0 {
						first = lo + uint64(i)
					}
					missing++
					row[i] = s & 1
				}
			}
			return true
		})
		if missing > 0 && found == nil {
			found = l.fault(cuda.UnwrittenOperand, fmt.Sprintf("%d bytes were not written, the first of them here", missing))
			found.Space, found.Address, found.Bytes = "global", cuda.DevicePtr(a.base+first), 1
			found.Object = l.object(a.base+first, 1)
		}
		return true
	})
	return found
}

func allWritten(s []byte) bool {
	for len(s) >= 8 && *(*uint64)(unsafe.Pointer(&s[0])) == 0x0101010101010101 {
		s = s[8:]
	}
	for _, b := range s {
		if b != defined {
			return false
		}
	}
	return true
}

// fault begins a report that belongs to no instruction.
func (l *launch) fault(check cuda.Check, detail string) *fault {
	return &fault{Check: check, Kernel: l.fn.ast.Name, Label: l.label, Module: l.fn.mod.name, Detail: detail}
}

// beginLives starts the lives of temporaries and reports operands that are used outside theirs.
func (l *launch) beginLives() *fault {
	var found *fault
	report := func(a *allocation, r *opRange, detail string) bool {
		found = l.fault(cuda.TemporaryLife, detail)
		found.Space, found.Address, found.Bytes = "global", r.op.Ptr, int(r.hi-r.lo)
		found.Object = l.object(uint64(r.op.Ptr), r.hi-r.lo)
		return false
	}
	l.eachRange(func(a *allocation, r *opRange) bool {
		life := r.op.Life
		if life.Temporary == 0 || !life.Begins {
			return true
		}
		whole := lifeState{r.lo, r.hi}
		if life.Bytes > 0 {
			whole.lo = uint64(life.Ptr) - a.base
			whole.hi = whole.lo + uint64(life.Bytes)
			if whole.lo > a.size || whole.hi > a.size || whole.hi < whole.lo {
				return report(a, r, fmt.Sprintf("temporary %d: %d bytes at %#x lie outside the operand's allocation", life.Temporary, life.Bytes, uint64(life.Ptr)))
			}
		}
		for k, s := range a.lives {
			if k.number != life.Temporary && s.lo < whole.hi && whole.lo < s.hi {
				return report(a, r, fmt.Sprintf("temporary %d begins on bytes of temporary %d, which has not ended", life.Temporary, k.number))
			}
		}
		if a.lives == nil {
			a.lives = map[lifeKey]*lifeState{}
		}
		if have := a.lives[lifeKey{life.Temporary}]; have != nil {
			if *have != whole || life.Bytes == 0 {
				return report(a, r, fmt.Sprintf("temporary %d begins twice", life.Temporary))
			}
			return true // another operand of this launch lies in it, too
		}
		a.lives[lifeKey{life.Temporary}] = &whole
		clear(a.init[whole.lo:whole.hi])
		return true
	})
	if found != nil {
		return found
	}
	l.eachRange(func(a *allocation, r *opRange) bool {
		life := r.op.Life
		if life.Temporary == 0 {
			return true
		}
		s := a.lives[lifeKey{life.Temporary}]
		switch {
		case s == nil:
			return report(a, r, fmt.Sprintf("temporary %d is used before its life begins or after it has ended", life.Temporary))
		case r.lo < s.lo || r.hi > s.hi:
			return report(a, r, fmt.Sprintf("temporary %d is used outside the bytes it was given", life.Temporary))
		}
		return true
	})
	return found
}

// endLives ends the lives of temporaries and makes their contents undefined.
func (l *launch) endLives() {
	l.eachRange(func(a *allocation, r *opRange) bool {
		if life := r.op.Life; life.Temporary != 0 && life.Ends {
			if s := a.lives[lifeKey{life.Temporary}]; s != nil {
				clear(a.init[s.lo:s.hi])
				delete(a.lives, lifeKey{life.Temporary})
			}
		}
		return true
	})
}
