package emu

import (
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
)

// asyncCopy is one cp.async of a warp. The bytes are copied when its group is waited for, and until then the destination is
// marked as in flight, so that a missing wait shows.
type asyncCopy struct {
	in    *inst
	mask  uint32 // threads whose copy is outstanding
	n     uint64 // bytes written
	group [warpSize]uint32
	dst   [warpSize]uint64
	size  [warpSize]uint64 // bytes read; the rest is zero
	src   [warpSize]uint64 // offset in the view
	from  [warpSize]*view
}

// asyncQueue holds the outstanding copies of a warp.
type asyncQueue struct {
	pending []asyncCopy
	group   [warpSize]uint32 // each thread's open group
}

func (q *asyncQueue) reset() {
	q.pending = q.pending[:0]
	q.group = [warpSize]uint32{}
}

// asyncOp is cp.async (PTX ISA 9.7.8.24).
type asyncOp struct {
	dst, src regRef // address registers; w == 0: none
	dstOff   uint64
	srcOff   uint64
	n        uint64
	srcSize  regRef // w == 0: n
}

func (o *asyncOp) exec(w *warp, in *inst, mask uint32) *fault {
	if w.taint {
		for _, r := range []regRef{o.dst, o.src, o.srcSize} {
			if u := w.undefOf(r.off) & mask; r.w != 0 && u != 0 {
				return w.fault(cuda.Uninitialized, in, firstLane(u), "an address or size depends on a value that nobody wrote")
			}
		}
	}
	q := &w.async
	if len(q.pending) < cap(q.pending) {
		q.pending = q.pending[:len(q.pending)+1]
	} else {
		q.pending = append(q.pending, asyncCopy{})
	}
	c := &q.pending[len(q.pending)-1]
	c.in, c.mask, c.n = in, mask, o.n
	ctr := &w.wk.ctr
	ctr.Global.LoadAccesses++
	ctr.Shared.StoreAccesses++
	banks := &w.wk.banks
	banks.reset()
	var sec sectors
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		if f := o.issue(w, in, c, i); f != nil {
			return f
		}
		c.group[i] = q.group[i]
		if c.size[i] > 0 {
			sec.add(c.src[i], c.size[i], c.from[i])
			ctr.Global.LoadBytes += int64(c.size[i])
		}
		banks.add(c.dst[i], o.n)
		ctr.Shared.StoreBytes += int64(o.n)
		ctr.AsyncCopies += int64(o.n)
	}
	ctr.Global.LoadSectors += int64(sec.n)
	ctr.Shared.StoreIdeal += banks.ideal()
	ctr.Shared.StoreWavefronts += banks.fronts()
	return nil
}

// issue checks one thread's copy and marks its destination.
func (o *asyncOp) issue(w *warp, in *inst, c *asyncCopy, i int) *fault {
	dst, src, size := o.dstOff, o.srcOff, o.n
	switch o.dst.w {
	case w32:
		dst = address32(w.get(o.dst, i), dst)
	case w64:
		dst += w.get(o.dst, i)
	}
	if o.src.w != 0 {
		src += w.get(o.src, i)
	}
	if o.srcSize.w != 0 {
		size = w.get(o.srcSize, i) & 0xffffffff
		if size > o.n {
			return w.fault(cuda.InvalidArgument, in, i, "the source size is larger than the copy")
		}
	}
	if f := w.sharedWrite(in, i, dst, o.n, 0); f != nil {
		return f
	}
	c.dst[i], c.size[i], c.from[i] = dst, size, nil
	fill(w.blk.sharedInit[dst:dst+o.n], inFlight)
	if size == 0 {
		return nil
	}
	if src&(o.n-1) != 0 {
		return w.misaligned(in, i, "global", src, o.n)
	}
	v := w.wk.view(src)
	if v == nil {
		return w.addressFault(in, i, src)
	}
	off := src - v.a.base
	switch {
	case off > v.a.size || size > v.a.size-off:
		f := w.globalFault(cuda.OutOfBounds, in, i, src, "")
		f.Bytes, f.Object = int(size), w.wk.l.object(src, size)
		return f
	case !v.allows(off, size, cuda.Read):
		return w.operandFault(in, i, v, src, size, cuda.Read)
	case v.tracked && !w.wk.noteRead(v, off, size):
		return w.globalRace(in, i, v, off, size, false)
	}
	if !allDefined(v.a.init[off:off+size]) && v.mustWrite(off, size) {
		return w.globalFault(cuda.OperandMode, in, i, src, "loads bytes of a write operand that the launch has not written")
	}
	c.src[i], c.from[i] = off, v
	return nil
}

// commitOp is cp.async.commit_group.
type commitOp struct{}

func (commitOp) exec(w *warp, _ *inst, mask uint32) *fault {
	for t := mask; t != 0; t &= t - 1 {
		w.async.group[bits.TrailingZeros32(t)]++
	}
	return nil
}

// waitOp is cp.async.wait_group and wait_all.
type waitOp struct {
	keep uint32 // newest groups that may stay outstanding
	all  bool   // the open group too
}

func (o waitOp) exec(w *warp, _ *inst, mask uint32) *fault {
	return w.completeCopies(mask, func(lane int, group uint32) bool {
		return o.all || uint64(group)+uint64(o.keep) < uint64(w.async.group[lane])
	})
}

// completeAll finishes the copies of threads that exit.
func (w *warp) completeAll(mask uint32) {
	if len(w.async.pending) == 0 {
		return
	}
	if f := w.completeCopies(mask, func(int, uint32) bool { return true }); f != nil {
		w.late = f
	}
}

// completeCopies carries out the copies of the threads in mask that are due.
func (w *warp) completeCopies(mask uint32, due func(lane int, group uint32) bool) *fault {
	q := &w.async
	kept := 0
	for k := range q.pending {
		c := &q.pending[k]
		for t := c.mask & mask; t != 0; t &= t - 1 {
			i := bits.TrailingZeros32(t)
			if !due(i, c.group[i]) {
				continue
			}
			c.mask &^= 1 << uint(i)
			if f := w.complete(c, i); f != nil {
				return f
			}
		}
		if c.mask != 0 {
			if kept != k {
				q.pending[kept], q.pending[k] = q.pending[k], q.pending[kept]
			}
			kept++
		}
	}
	q.pending = q.pending[:kept]
	return nil
}

// complete copies the bytes of one thread.
func (w *warp) complete(c *asyncCopy, i int) *fault {
	b := w.blk
	dst, n := c.dst[i], c.n
	if !w.noteSharedWrite(dst, n, 0) {
		return w.sharedRace(c.in, i, dst, n, true)
	}
	out, shadow := b.shared[dst:dst+n], b.sharedInit[dst:dst+n]
	size := c.size[i]
	if v := c.from[i]; v != nil {
		off := c.src[i]
		copy(out, v.a.data[off:off+size])
		for k, s := range v.a.init[off : off+size] {
			shadow[k] = s & 1
		}
	}
	clear(out[size:])
	fill(shadow[size:], defined)
	return nil
}
