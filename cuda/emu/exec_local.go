package emu

import (
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// clearLocal makes room for a frame's local variables and marks them undefined in all lanes of the current path.
func (w *warp) clearLocal(off, n int64) {
	if need := off + n; need > w.localCap {
		c := max((need+1023)&^1023, 2*w.localCap)
		grown, shadow := alignedBytes(int(c*warpSize)), make([]byte, c*warpSize)
		for i := range int64(warpSize) {
			copy(grown[i*c:], w.local[i*w.localCap:(i+1)*w.localCap])
			copy(shadow[i*c:], w.localInit[i*w.localCap:(i+1)*w.localCap])
		}
		w.local, w.localInit, w.localCap = grown, shadow, c
	}
	for i := range int64(warpSize) {
		p := i*w.localCap + off
		clear(w.local[p : p+n])
		clear(w.localInit[p : p+n])
	}
}

// localAt checks an access to local memory and returns its place in w.local.
func (w *warp) localAt(in *inst, lane int, off, n uint64) (int, *fault) {
	if off >= uint64(w.localTop) || n > uint64(w.localTop)-off {
		f := w.fault(cuda.OutOfBounds, in, lane, "")
		f.Space, f.Address, f.Bytes = "local", cuda.DevicePtr(off), int(n)
		f.Object = placement("the thread's local memory", int64(off), int64(n), w.localTop)
		return 0, f
	}
	if off&(n-1) != 0 {
		return 0, w.misaligned(in, lane, "local", off, n)
	}
	return int(int64(lane)*w.localCap + int64(off)), nil
}

func (w *warp) loadLocal(in *inst, mask uint32) *fault {
	m, c := in.mem, &w.wk.ctr.Local
	c.LoadAccesses++
	var n int64
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		p, f := w.localAt(in, i, w.addr[i], m.total)
		if f != nil {
			return f
		}
		w.readLane(m, i, unsafe.Pointer(&w.local[p]))
		if shadow := w.localInit[p : p+int(m.total)]; w.taint || !allDefined(shadow) {
			w.loadedUndef(m, i, shadow)
		}
		n += int64(m.total)
	}
	c.LoadBytes += n
	c.LoadSectors += (n + 31) / 32
	return nil
}

func (w *warp) storeLocal(in *inst, mask uint32) *fault {
	m, c := in.mem, &w.wk.ctr.Local
	c.StoreAccesses++
	var n int64
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		p, f := w.localAt(in, i, w.addr[i], m.total)
		if f != nil {
			return f
		}
		w.writeLane(m, i, unsafe.Pointer(&w.local[p]))
		w.shadowStore(m, i, w.localInit[p:p+int(m.total)])
		n += int64(m.total)
	}
	c.StoreBytes += n
	c.StoreSectors += (n + 31) / 32
	return nil
}

// loadParam loads a kernel parameter, the same for all threads, or a .param variable of the frame.
func (w *warp) loadParam(in *inst, mask uint32) *fault {
	m := in.mem
	if m.frameParam {
		fr := w.frame()
		for t := mask; t != 0; t &= t - 1 {
			i := bits.TrailingZeros32(t)
			p := int64(i)*fr.fn.paramBytes + int64(m.off)
			w.readLane(m, i, unsafe.Pointer(&fr.params[p]))
			if w.taint {
				w.loadedUndef(m, i, fr.paramInit[p:p+int64(m.total)])
			}
		}
		return nil
	}
	w.addresses(m)
	params := w.wk.l.params
	same := m.base.w == 0 // as nearly always
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		off := w.addr[i]
		if off >= uint64(len(params)) || m.total > uint64(len(params))-off {
			f := w.fault(cuda.OutOfBounds, in, i, "")
			f.Space, f.Address, f.Bytes = "param", cuda.DevicePtr(off), int(m.total)
			f.Object = placement("the kernel's parameters", int64(off), int64(m.total), int64(len(params)))
			return f
		}
		w.readLane(m, i, unsafe.Pointer(&params[off]))
		if same {
			w.spread(m, i, mask)
			break
		}
	}
	if w.taint {
		w.markLoaded(m, mask, 0)
	}
	return nil
}

// spread gives all lanes of mask what one of them has loaded.
func (w *warp) spread(m *memOp, lane int, mask uint32) {
	for k := range int(m.vec) {
		switch r := m.regs[k]; {
		case r.w == 4 && mask == allLanes:
			d := w.reg32(r.off)
			v := d[lane]
			for i := range d {
				d[i] = v
			}
		case r.w == 8 && mask == allLanes:
			d := w.reg64(r.off)
			v := d[lane]
			for i := range d {
				d[i] = v
			}
		case r.w != 0:
			v := w.get(r, lane)
			for t := mask; t != 0; t &= t - 1 {
				w.set(r, bits.TrailingZeros32(t), v)
			}
		}
	}
}

// storeParam stores to a .param variable of the frame.
func (w *warp) storeParam(in *inst, mask uint32) *fault {
	m, fr := in.mem, w.frame()
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		p := int64(i)*fr.fn.paramBytes + int64(m.off)
		w.writeLane(m, i, unsafe.Pointer(&fr.params[p]))
		w.shadowStore(m, i, fr.paramInit[p:p+int64(m.total)])
	}
	return nil
}
