package emu

import (
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// loadShared loads from shared memory; w.addr holds offsets.
func (w *warp) loadShared(in *inst, mask uint32) *fault {
	m, b := in.mem, w.blk
	c := &w.wk.ctr.Shared
	c.LoadAccesses++
	c.LoadBytes += int64(bits.OnesCount32(mask)) * int64(m.total)
	if n, ok := w.prefix(mask, m.total); ok && n > 1 {
		off, total := w.addr[0], uint64(n)*m.total
		if off&m.align == 0 && off < uint64(len(b.shared)) && total <= uint64(len(b.shared))-off &&
			allDefined(b.sharedInit[off:off+total]) && (m.sync || w.noteSharedRead(off, total)) {
			fronts := int64(total+127) / 128
			c.LoadIdeal += fronts
			c.LoadWavefronts += fronts
			w.readRun(m, n, unsafe.Pointer(&b.shared[off]))
			return nil
		}
	}
	banks := &w.wk.banks
	banks.reset()
	if w.loadSharedWords(m, mask) {
		c.LoadIdeal += banks.ideal()
		c.LoadWavefronts += banks.fronts()
		return nil
	}
	banks.reset()
	last, prev := ^uint64(0), 0
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		off := w.addr[i]
		if off == last {
			w.copyLane(m, i, prev)
			continue
		}
		shadow, f := w.sharedRead(in, i, off, m.total)
		if f != nil {
			return f
		}
		w.readLane(m, i, unsafe.Pointer(&b.shared[off]))
		if w.taint || !allDefined(shadow) {
			w.loadedUndef(m, i, shadow)
		}
		banks.add(off, m.total)
		last, prev = off, i
	}
	c.LoadIdeal += banks.ideal()
	c.LoadWavefronts += banks.fronts()
	return nil
}

// loadSharedWords loads a 32-bit word a lane from any addresses. It is the lane by lane way of loadShared for the frequent
// case; false says that the access is another one or that a check failed, and nothing is lost by doing it again.
func (w *warp) loadSharedWords(m *memOp, mask uint32) bool {
	b, cells := w.blk, &w.wk.cells
	if m.total != 4 || m.size != 4 || m.regs[0].w != 4 || m.sync || w.taint || cells.shift != 2 || len(b.shared) < 4 {
		return false
	}
	d, banks := w.reg32(m.regs[0].off), &w.wk.banks
	end, floor := uint64(len(b.shared)-4), w.minSeen<<cellEpoch
	now := uint64(b.readEpoch)<<32 | 1<<uint(w.id)
	last, value := ^uint64(0), uint32(0)
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		if off := w.addr[i]; off != last {
			if off > end || off&3 != 0 || *(*uint32)(unsafe.Pointer(&b.sharedInit[off]))&0x01010101 != 0x01010101 {
				return false
			}
			cell := off >> 2
			if wr := cells.wr[cell]; wr >= floor && (w.unordered(wr) || w.atomicsUnordered(wr, cell)) {
				return false
			}
			if r := cells.rd[cell]; uint32(r>>32) == b.readEpoch {
				cells.rd[cell] = r | now
			} else {
				cells.rd[cell] = now
			}
			banks.add(off, 4)
			last, value = off, *(*uint32)(unsafe.Pointer(&b.shared[off]))
		}
		d[i] = value
	}
	return true
}

// sharedRead checks one load of n bytes of shared memory and returns their shadow.
func (w *warp) sharedRead(in *inst, lane int, off, n uint64) ([]byte, *fault) {
	b := w.blk
	if f := w.sharedAccess(in, lane, off, n); f != nil {
		return nil, f
	}
	shadow := b.sharedInit[off : off+n]
	if !allDefined(shadow) {
		for _, s := range shadow {
			if s == inFlight {
				return nil, w.sharedFault(cuda.AsyncCopyRace, in, lane, off, n, "loads the destination of a cp.async that was not waited for")
			}
		}
	}
	if (in.mem == nil || !in.mem.sync) && !w.noteSharedRead(off, n) {
		return nil, w.sharedRace(in, lane, off, n, false)
	}
	return shadow, nil
}

// sharedAccess checks bounds and alignment.
func (w *warp) sharedAccess(in *inst, lane int, off, n uint64) *fault {
	size := uint64(len(w.blk.shared))
	if off >= size || n > size-off {
		return w.sharedFault(cuda.OutOfBounds, in, lane, off, n, "")
	}
	if off&(n-1) != 0 {
		return w.misaligned(in, lane, "shared", off, n)
	}
	return nil
}

// storeShared stores to shared memory.
func (w *warp) storeShared(in *inst, mask uint32) *fault {
	m, b := in.mem, w.blk
	c := &w.wk.ctr.Shared
	c.StoreAccesses++
	c.StoreBytes += int64(bits.OnesCount32(mask)) * int64(m.total)
	if n, ok := w.prefix(mask, m.total); ok && n > 1 && !w.taint {
		off, total := w.addr[0], uint64(n)*m.total
		if off&m.align == 0 && off < uint64(len(b.shared)) && total <= uint64(len(b.shared))-off &&
			(!b.async || !anyInFlight(b.sharedInit[off:off+total])) && (m.sync || w.noteSharedWrite(off, total, 0)) {
			fronts := int64(total+127) / 128
			c.StoreIdeal += fronts
			c.StoreWavefronts += fronts
			w.writeRun(m, n, unsafe.Pointer(&b.shared[off]))
			fill(b.sharedInit[off:off+total], defined)
			return nil
		}
	}
	banks := &w.wk.banks
	banks.reset()
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		off := w.addr[i]
		var atomic uint32
		if m.sync {
			atomic = sharedAtomic
		}
		if f := w.sharedWrite(in, i, off, m.total, atomic); f != nil {
			return f
		}
		w.writeLane(m, i, unsafe.Pointer(&b.shared[off]))
		w.shadowStore(m, i, b.sharedInit[off:off+m.total])
		banks.add(off, m.total)
	}
	c.StoreIdeal += banks.ideal()
	c.StoreWavefronts += banks.fronts()
	return nil
}

// sharedWrite checks one store of n bytes of shared memory.
func (w *warp) sharedWrite(in *inst, lane int, off, n uint64, atomic uint32) *fault {
	if f := w.sharedAccess(in, lane, off, n); f != nil {
		return f
	}
	if w.blk.async && anyInFlight(w.blk.sharedInit[off:off+n]) {
		return w.sharedFault(cuda.AsyncCopyRace, in, lane, off, n, "stores to the destination of a cp.async that was not waited for")
	}
	if !w.noteSharedWrite(off, n, atomic) {
		return w.sharedRace(in, lane, off, n, true)
	}
	return nil
}

// shadowStore marks what one lane has stored: undefined values stay undefined in memory.
func (w *warp) shadowStore(m *memOp, lane int, shadow []byte) {
	if !w.taint {
		fill(shadow, defined)
		return
	}
	for k := range int(m.vec) {
		v := byte(defined)
		if r := m.regs[k]; r.w != 0 && w.undefOf(r.off)>>uint(lane)&1 == 1 {
			v = undefined
		}
		fill(shadow[k*int(m.size):(k+1)*int(m.size)], v)
	}
}

func anyInFlight(s []byte) bool {
	for _, b := range s {
		if b == inFlight {
			return true
		}
	}
	return false
}

// bankCount counts the different words that a warp's access touches in each of the 32 banks of 4 bytes.
type bankCount struct {
	total int64
	n     [warpSize]uint8
	words [warpSize][4 * warpSize]uint32
}

func (b *bankCount) reset() {
	b.total = 0
	b.n = [warpSize]uint8{}
}

func (b *bankCount) add(off, n uint64) {
	for word := uint32(off >> 2); word <= uint32((off+n-1)>>2); word++ {
		bank := word & (warpSize - 1)
		if !b.has(bank, word) {
			b.words[bank][b.n[bank]] = word
			b.n[bank]++
			b.total++
		}
	}
}

func (b *bankCount) has(bank, word uint32) bool {
	for _, x := range b.words[bank][:b.n[bank]] {
		if x == word {
			return true
		}
	}
	return false
}

// fronts is the number of wavefronts: one for each word of the busiest bank.
func (b *bankCount) fronts() int64 {
	var most uint8
	for _, n := range b.n {
		most = max(most, n)
	}
	return int64(most)
}

// ideal is the number of wavefronts if the words were spread evenly.
func (b *bankCount) ideal() int64 { return (b.total + warpSize - 1) / warpSize }
