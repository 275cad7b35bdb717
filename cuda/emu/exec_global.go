package emu

import (
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// loadGlobal loads from global or constant memory: consecutive lanes at once, anything else lane by lane.
func (w *warp) loadGlobal(in *inst, mask uint32) *fault {
	m, wk := in.mem, w.wk
	c := wk.loadCounters(m)
	c.LoadAccesses++
	c.LoadBytes += int64(bits.OnesCount32(mask)) * int64(m.total)
	if n, ok := w.prefix(mask, m.total); ok && n > 1 {
		if v := wk.view(w.addr[0]); v != nil {
			off, total := w.addr[0]-v.a.base, uint64(n)*m.total
			if off&m.align == 0 && v.allows(off, total, cuda.Read) && allDefined(v.a.init[off:off+total]) &&
				(!v.tracked || m.sync || wk.noteRead(v, off, total)) {
				c.LoadSectors += int64((off+total-1)>>5 - off>>5 + 1)
				w.readRun(m, n, unsafe.Pointer(&v.a.data[off]))
				if m.sync {
					return w.loadSync(in, mask)
				}
				return nil
			}
		}
	}
	if w.loadGlobalRuns(m, mask) {
		return nil
	}
	return w.loadGlobalLanes(in, mask)
}

// nextRun returns the lowest lane of mask and how many lanes from there on have addresses that follow each other.
func (w *warp) nextRun(mask uint32, step uint64) (first, n int) {
	first = bits.TrailingZeros32(mask)
	n = 1
	for i := first + 1; i < warpSize && mask>>i&1 == 1 && w.addr[i] == w.addr[i-1]+step; i++ {
		n++
	}
	return first, n
}

// loadGlobalRuns is loadGlobalLanes with one check for each run of consecutive addresses. It returns false when a check
// fails; nothing is lost by loading again.
func (w *warp) loadGlobalRuns(m *memOp, mask uint32) bool {
	if w.taint || m.sync {
		return false
	}
	wk := w.wk
	words := m.total == 4 && m.size == 4 && m.regs[0].w == 4
	var sec sectors
	last, prev := ^uint64(0), 0
	for t := mask; t != 0; {
		first, n := w.nextRun(t, m.total)
		t &^= uint32(1<<uint(n)-1) << uint(first)
		if w.addr[first] == last {
			w.copyLane(m, first, prev)
			if n == 1 {
				continue
			}
		}
		v := wk.view(w.addr[first])
		if v == nil {
			return false
		}
		off, total := w.addr[first]-v.a.base, uint64(n)*m.total
		if off&m.align != 0 || !v.allows(off, total, cuda.Read) || !allDefined(v.a.init[off:off+total]) || v.tracked && !wk.noteRead(v, off, total) {
			return false
		}
		p := unsafe.Pointer(&v.a.data[off])
		if words {
			copy(w.reg32(m.regs[0].off)[first:first+n], unsafe.Slice((*uint32)(p), n))
		} else {
			for k := range n {
				w.readLane(m, first+k, unsafe.Add(p, k*int(m.total)))
			}
		}
		sec.add(off, total, v)
		prev = first + n - 1
		last = w.addr[prev]
	}
	wk.loadCounters(m).LoadSectors += int64(sec.n)
	return true
}

func (w *warp) loadGlobalLanes(in *inst, mask uint32) *fault {
	m, wk := in.mem, w.wk
	var sec sectors
	last, prev := ^uint64(0), 0
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		addr := w.addr[i]
		if addr == last {
			w.copyLane(m, i, prev)
			continue
		}
		v, off, f := w.access(in, i, addr, m.total, cuda.Read)
		if f != nil {
			return f
		}
		if v.tracked && !m.sync && !wk.noteRead(v, off, m.total) {
			if f := w.globalRace(in, i, v, off, m.total, false); f != nil {
				return f
			}
		}
		w.readLane(m, i, unsafe.Pointer(&v.a.data[off]))
		shadow := v.a.init[off : off+m.total]
		if bad := !allDefined(shadow); bad || w.taint {
			if bad && v.mustWrite(off, m.total) {
				return w.globalFault(cuda.OperandMode, in, i, addr, "loads bytes of a write operand that the launch has not written")
			}
			w.loadedUndef(m, i, shadow)
		}
		sec.add(off, m.total, v)
		last, prev = addr, i
	}
	wk.loadCounters(m).LoadSectors += int64(sec.n)
	if m.sync {
		return w.loadSync(in, mask)
	}
	return nil
}

// loadCounters returns where a load is counted; constant memory has its own cache and is not.
func (wk *worker) loadCounters(m *memOp) *cuda.MemoryCounters {
	if m.space == ptx.Const {
		return &wk.constant
	}
	return &wk.ctr.Global
}

// copyLane gives a lane what another lane has loaded from the same address.
func (w *warp) copyLane(m *memOp, lane, from int) {
	for k := range int(m.vec) {
		r := m.regs[k]
		if r.w == 0 {
			continue
		}
		w.set(r, lane, w.get(r, from))
		if w.taint {
			u := w.undefOf(r.off) >> uint(from) & 1
			w.setUndef(r.off, 1<<uint(lane), u<<uint(lane))
		}
	}
}

// storeGlobal stores to global memory.
func (w *warp) storeGlobal(in *inst, mask uint32) *fault {
	m, wk := in.mem, w.wk
	if w.taint {
		if u := w.storedUndef(m, mask); u != 0 {
			i := firstLane(u)
			return w.globalFault(cuda.Uninitialized, in, i, w.addr[i], "the stored value depends on bytes that nobody wrote")
		}
	}
	c := &wk.ctr.Global
	c.StoreAccesses++
	c.StoreBytes += int64(bits.OnesCount32(mask)) * int64(m.total)
	if m.sync {
		if f := w.storeSync(in, mask); f != nil {
			return f
		}
	}
	if n, ok := w.prefix(mask, m.total); ok && n > 1 {
		if v := wk.view(w.addr[0]); v != nil {
			off, total := w.addr[0]-v.a.base, uint64(n)*m.total
			if off&m.align == 0 && v.allows(off, total, cuda.Write) && (!v.tracked || m.sync || wk.noteWrite(v, off, total)) {
				c.StoreSectors += int64((off+total-1)>>5 - off>>5 + 1)
				wk.saveOld(v, off, total)
				w.writeRun(m, n, unsafe.Pointer(&v.a.data[off]))
				fill(v.a.init[off:off+total], defined)
				return nil
			}
		}
	}
	if w.storeGlobalRuns(m, mask) {
		return nil
	}
	return w.storeGlobalLanes(in, mask)
}

// storeGlobalRuns is storeGlobalLanes with one check for each run of consecutive addresses. It returns false when a check
// fails; storing again gives the same.
func (w *warp) storeGlobalRuns(m *memOp, mask uint32) bool {
	if m.sync {
		return false
	}
	wk := w.wk
	words := m.total == 4 && m.size == 4 && m.regs[0].w == 4
	var sec sectors
	for t := mask; t != 0; {
		first, n := w.nextRun(t, m.total)
		t &^= uint32(1<<uint(n)-1) << uint(first)
		v := wk.view(w.addr[first])
		if v == nil {
			return false
		}
		off, total := w.addr[first]-v.a.base, uint64(n)*m.total
		if off&m.align != 0 || !v.allows(off, total, cuda.Write) || v.tracked && !wk.noteWrite(v, off, total) {
			return false
		}
		wk.saveOld(v, off, total)
		p := unsafe.Pointer(&v.a.data[off])
		if words {
			copy(unsafe.Slice((*uint32)(p), n), w.reg32(m.regs[0].off)[first:first+n])
		} else {
			for k := range n {
				w.writeLane(m, first+k, unsafe.Add(p, k*int(m.total)))
			}
		}
		fill(v.a.init[off:off+total], defined)
		sec.add(off, total, v)
	}
	wk.ctr.Global.StoreSectors += int64(sec.n)
	return true
}

func (w *warp) storeGlobalLanes(in *inst, mask uint32) *fault {
	m, wk := in.mem, w.wk
	var sec sectors
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		v, off, f := w.access(in, i, w.addr[i], m.total, cuda.Write)
		if f != nil {
			return f
		}
		if v.tracked && !m.sync && !wk.noteWrite(v, off, m.total) {
			if f := w.globalRace(in, i, v, off, m.total, true); f != nil {
				return f
			}
		}
		wk.saveOld(v, off, m.total)
		w.writeLane(m, i, unsafe.Pointer(&v.a.data[off]))
		fill(v.a.init[off:off+m.total], defined)
		sec.add(off, m.total, v)
	}
	wk.ctr.Global.StoreSectors += int64(sec.n)
	return nil
}

// access checks one thread's access of n bytes and returns the memory it goes to.
func (w *warp) access(in *inst, lane int, addr, n uint64, mode cuda.Mode) (*view, uint64, *fault) {
	v := w.wk.view(addr)
	if v == nil {
		return nil, 0, w.addressFault(in, lane, addr)
	}
	off := addr - v.a.base
	switch {
	case off > v.a.size || n > v.a.size-off:
		return nil, 0, w.globalFault(cuda.OutOfBounds, in, lane, addr, "")
	case off&(n-1) != 0:
		return nil, 0, w.misaligned(in, lane, "global", addr, n)
	case v.allows(off, n, mode):
		return v, off, nil
	}
	return nil, 0, w.operandFault(in, lane, v, addr, n, mode)
}

// sectors counts the different 32-byte sectors that a warp touches.
type sectors struct {
	n    int
	list [2 * warpSize]uint64
}

func (s *sectors) add(off, n uint64, v *view) {
	for k := off >> 5; k <= (off+n-1)>>5; k++ {
		key := uint64(v.a.id)<<idShift | k
		if s.n > 0 && s.list[s.n-1] == key {
			continue
		}
		if !s.has(key) {
			s.list[s.n] = key
			s.n++
		}
	}
}

func (s *sectors) has(key uint64) bool {
	for _, x := range s.list[:s.n] {
		if x == key {
			return true
		}
	}
	return false
}
