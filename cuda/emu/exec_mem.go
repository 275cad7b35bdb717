package emu

import (
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

func regBase(regs []uint64, unit int) unsafe.Pointer { return unsafe.Pointer(&regs[unit*unitBytes/8]) }

// addresses computes the address of every lane.
func (w *warp) addresses(m *memOp) *[warpSize]uint64 {
	a := &w.addr
	switch m.base.w {
	case 8:
		r := w.reg64(m.base.off)
		for i := 0; i < warpSize; i += 4 {
			a[i] = r[i] + m.off
			a[i+1] = r[i+1] + m.off
			a[i+2] = r[i+2] + m.off
			a[i+3] = r[i+3] + m.off
		}
	case 4:
		r := w.reg32(m.base.off)
		for i := range a {
			a[i] = address32(uint64(r[i]), m.off)
		}
	default:
		for i := range a {
			a[i] = m.off
		}
	}
	return a
}

// address32 adds an offset to a register of 32 bits: the sum wraps, and is widened so that what lies below 0 stays recognisable.
func address32(base, off uint64) uint64 { return uint64(int64(int32(base + off))) }

// checkAddress reports an address register that holds undefined values.
func (w *warp) checkAddress(in *inst, mask uint32) *fault {
	if in.mem.base.w == 0 {
		return nil
	}
	if u := w.undefOf(in.mem.base.off) & mask; u != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(u), "the address depends on a value that nobody wrote")
	}
	return nil
}

// load executes ld and ldu (PTX ISA 9.7.8.8).
func (w *warp) load(in *inst, mask uint32) *fault {
	m := in.mem
	if w.taint {
		if f := w.checkAddress(in, mask); f != nil {
			return f
		}
	}
	if m.space == ptx.Param {
		return w.loadParam(in, mask)
	}
	w.addresses(m)
	return w.bySpace(m, mask, func(space ptx.Space, mask uint32) *fault {
		switch space {
		case ptx.Shared:
			if m.sync && len(w.blk.handed) > 0 {
				w.eachSharedSync(mask, w.acquireShared)
			}
			return w.loadShared(in, mask)
		case ptx.Local:
			return w.loadLocal(in, mask)
		}
		return w.loadGlobal(in, mask)
	})
}

// store executes st (PTX ISA 9.7.8.11).
func (w *warp) store(in *inst, mask uint32) *fault {
	m := in.mem
	if w.taint {
		if f := w.checkAddress(in, mask); f != nil {
			return f
		}
	}
	if m.space == ptx.Param {
		return w.storeParam(in, mask)
	}
	w.addresses(m)
	return w.bySpace(m, mask, func(space ptx.Space, mask uint32) *fault {
		switch space {
		case ptx.Shared:
			if m.sync {
				w.fenced = w.fenced || in.ast.Has("release")
				w.eachSharedSync(mask, w.releaseShared)
			}
			return w.storeShared(in, mask)
		case ptx.Local:
			return w.storeLocal(in, mask)
		}
		return w.storeGlobal(in, mask)
	})
}

// bySpace calls f for the space of the access. A generic access may mean several spaces in one warp: f is called for each,
// with addresses turned into offsets where the space has its own.
func (w *warp) bySpace(m *memOp, mask uint32, f func(ptx.Space, uint32) *fault) *fault {
	if m.space != ptx.Generic {
		return f(m.space, mask)
	}
	var shared, local uint32
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		switch w.addr[i] >> idShift {
		case sharedWindow:
			shared |= 1 << i
			w.addr[i] &= offMask
		case localWindow:
			local |= 1 << i
			w.addr[i] &= offMask
		}
	}
	if g := mask &^ (shared | local); g != 0 {
		if e := f(ptx.Global, g); e != nil {
			return e
		}
	}
	if shared != 0 {
		if e := f(ptx.Shared, shared); e != nil {
			return e
		}
	}
	if local != 0 {
		return f(ptx.Local, local)
	}
	return nil
}

// prefix tells whether the addresses of the lanes in mask, which must be the lowest ones, follow each other without gaps;
// n is their number.
func (w *warp) prefix(mask uint32, step uint64) (n int, ok bool) {
	if mask&(mask+1) != 0 {
		return 0, false
	}
	n = bits.Len32(mask)
	next := w.addr[0]
	for i := 1; i < n; i++ {
		next += step
		if w.addr[i] != next {
			return 0, false
		}
	}
	return n, true
}

// extend widens a loaded element to 64 bits.
func (m *memOp) extend(p unsafe.Pointer) uint64 {
	switch m.size {
	case 4:
		if m.signed {
			return uint64(int64(*(*int32)(p)))
		}
		return uint64(*(*uint32)(p))
	case 8:
		return *(*uint64)(p)
	case 2:
		if m.signed {
			return uint64(int64(*(*int16)(p)))
		}
		return uint64(*(*uint16)(p))
	}
	if m.signed {
		return uint64(int64(*(*int8)(p)))
	}
	return uint64(*(*uint8)(p))
}

// put writes an element to memory.
func (m *memOp) put(p unsafe.Pointer, v uint64) {
	switch m.size {
	case 4:
		*(*uint32)(p) = uint32(v)
	case 8:
		*(*uint64)(p) = v
	case 2:
		*(*uint16)(p) = uint16(v)
	default:
		*(*uint8)(p) = uint8(v)
	}
}

// readLane loads one lane's registers from memory.
func (w *warp) readLane(m *memOp, lane int, p unsafe.Pointer) {
	for k := range int(m.vec) {
		if r := m.regs[k]; r.w == 4 && m.size == 4 {
			w.reg32(r.off)[lane] = *(*uint32)(unsafe.Add(p, 4*k))
		} else if r.w != 0 {
			w.set(r, lane, m.extend(unsafe.Add(p, k*int(m.size))))
		}
	}
}

// writeLane stores one lane's registers to memory.
func (w *warp) writeLane(m *memOp, lane int, p unsafe.Pointer) {
	for k := range int(m.vec) {
		m.put(unsafe.Add(p, k*int(m.size)), w.get(m.regs[k], lane))
	}
}

// readRun loads the registers of lanes 0 to n-1 from consecutive memory.
func (w *warp) readRun(m *memOp, n int, p unsafe.Pointer) {
	r := m.regs[0]
	switch {
	case m.vec == 1 && m.size == 4 && r.w == 4:
		copy(w.reg32(r.off)[:n], unsafe.Slice((*uint32)(p), n))
	case m.vec == 1 && m.size == 8 && r.w == 8:
		copy(w.reg64(r.off)[:n], unsafe.Slice((*uint64)(p), n))
	case m.vec == 4 && m.words:
		d0, d1, d2, d3 := w.reg32(r.off), w.reg32(m.regs[1].off), w.reg32(m.regs[2].off), w.reg32(m.regs[3].off)
		for i, v := range unsafe.Slice((*[4]uint32)(p), n) {
			d0[i], d1[i], d2[i], d3[i] = v[0], v[1], v[2], v[3]
		}
	default:
		for i := range n {
			w.readLane(m, i, unsafe.Add(p, i*int(m.total)))
		}
	}
	if w.taint {
		w.markLoaded(m, uint32(1<<uint(n)-1), 0)
	}
}

// writeRun stores the registers of lanes 0 to n-1 to consecutive memory.
func (w *warp) writeRun(m *memOp, n int, p unsafe.Pointer) {
	r := m.regs[0]
	switch {
	case m.vec == 1 && m.size == 4 && r.w == 4:
		copy(unsafe.Slice((*uint32)(p), n), w.reg32(r.off)[:n])
	case m.vec == 1 && m.size == 8 && r.w == 8:
		copy(unsafe.Slice((*uint64)(p), n), w.reg64(r.off)[:n])
	case m.vec == 4 && m.words:
		s0, s1, s2, s3 := w.reg32(r.off), w.reg32(m.regs[1].off), w.reg32(m.regs[2].off), w.reg32(m.regs[3].off)
		for i := range unsafe.Slice((*[4]uint32)(p), n) {
			*(*[4]uint32)(unsafe.Add(p, 16*i)) = [4]uint32{s0[i], s1[i], s2[i], s3[i]}
		}
	default:
		for i := range n {
			w.writeLane(m, i, unsafe.Add(p, i*int(m.total)))
		}
	}
}

// markLoaded records which of the lanes in mask got undefined values into the registers of a load.
func (w *warp) markLoaded(m *memOp, mask, undef uint32) {
	for k := range int(m.vec) {
		if r := m.regs[k]; r.w != 0 {
			w.setUndef(r.off, mask, undef)
		}
	}
}

// loadedUndef records, element by element, which values of one lane come from undefined bytes.
func (w *warp) loadedUndef(m *memOp, lane int, shadow []byte) {
	for k := range int(m.vec) {
		r := m.regs[k]
		if r.w == 0 {
			continue
		}
		var u uint32
		if !allDefined(shadow[k*int(m.size) : (k+1)*int(m.size)]) {
			u = 1 << uint(lane)
			w.taint = true
		}
		w.setUndef(r.off, 1<<uint(lane), u)
	}
}

// storedUndef returns the lanes of mask in which a source register of a store is undefined.
func (w *warp) storedUndef(m *memOp, mask uint32) uint32 {
	var u uint32
	for k := range int(m.vec) {
		if r := m.regs[k]; r.w != 0 {
			u |= w.undefOf(r.off)
		}
	}
	return u & mask
}
