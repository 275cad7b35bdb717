package emu

import (
	"fmt"
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
)

// barrier is one of the 16 barriers of a block.
type barrier struct {
	need    int // threads that it waits for; 0 while nobody has come
	arrived int
	waiting []*warp
	came    []arrival // those that only arrive included
	count   int       // threads with a true predicate, for bar.red
	all     bool
}

// barrierWait is what a waiting warp waits for.
type barrierWait struct {
	in  *inst
	bar int
	op  *barrierOp
}

// barrierOp is bar or barrier (PTX ISA 9.7.12.1).
type barrierOp struct {
	mode    string // sync, arrive, red
	red     string // popc, and, or
	id      regRef
	threads regRef // w == 0: all threads of the block
	pred    regRef
	not     uint32
	dst     regRef
}

func (o *barrierOp) exec(w *warp, in *inst, mask uint32) *fault {
	w.wk.ctr.Barriers++
	if mask != w.live {
		missing := firstLane(w.live &^ mask)
		return w.fault(cuda.BarrierDivergence, in, firstLane(mask), fmt.Sprintf("thread %s of the same warp is not at this barrier", dimString(w.threadPos(missing))))
	}
	if gone := w.all &^ w.live; gone != 0 {
		return w.fault(cuda.BarrierDivergence, in, firstLane(mask), fmt.Sprintf("thread %s has exited and will not reach this barrier", dimString(w.threadPos(firstLane(gone)))))
	}
	if w.taint && (w.undefOf(o.id.off)|w.undefOf(o.threads.off)|w.undefOf(o.pred.off))&mask != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(mask), "an operand of the barrier depends on a value that nobody wrote")
	}
	id := int(w.get(o.id, firstLane(mask)))
	warps := (w.wk.l.threads + warpSize - 1) / warpSize
	need := warps * warpSize
	if o.threads.w != 0 {
		need = int(w.get(o.threads, firstLane(mask)))
	}
	if id < 0 || id > 15 || need <= 0 || need%warpSize != 0 || need > warps*warpSize {
		return w.fault(cuda.InvalidArgument, in, firstLane(mask),
			fmt.Sprintf("barrier %d for %d threads; barriers are 0 to 15 and threads a multiple of %d up to %d", id, need, warpSize, warps*warpSize))
	}
	return o.arrive(w, in, id, need, mask)
}

// arrive counts the warp in and lets all go on when it was the last.
func (o *barrierOp) arrive(w *warp, in *inst, id, need int, mask uint32) *fault {
	b := &w.blk.bars[id]
	if b.need != 0 && b.need != need {
		return w.fault(cuda.InvalidArgument, in, firstLane(mask), fmt.Sprintf("barrier %d was begun for %d threads and is joined for %d", id, b.need, need))
	}
	if b.need == 0 {
		b.all = true
	}
	b.need = need
	b.arrived += warpSize
	a := arrival{w: w, released: w.epoch + 1}
	if o.mode == "arrive" {
		w.nextEpoch()
	}
	b.came = append(b.came, a)
	if o.mode == "red" {
		p := (*w.pred(o.pred.off) ^ o.not) & mask
		b.count += bits.OnesCount32(p)
		b.all = b.all && p == mask
	}
	w.pc++
	if o.mode != "arrive" {
		w.state = waiting
		w.barWait = barrierWait{in, id, o}
		b.waiting = append(b.waiting, w)
	}
	if b.arrived >= b.need {
		w.blk.complete(b)
	}
	return nil
}

// complete releases the warps of a barrier.
func (blk *block) complete(b *barrier) {
	blk.opened = true
	blk.meetAt(b.came, b.waiting)
	for _, w := range b.waiting {
		w.state = ready
		if o := w.barWait.op; o.mode == "red" {
			o.result(w, b)
		}
	}
	*b = barrier{waiting: b.waiting[:0], came: b.came[:0]}
}

// result gives a waiting warp the outcome of bar.red.
func (o *barrierOp) result(w *warp, b *barrier) {
	for i := range warpSize {
		if w.live>>i&1 == 0 {
			continue
		}
		switch {
		case o.red == "popc":
			w.set(o.dst, i, uint64(b.count))
		case o.red == "and":
			w.set(o.dst, i, boolBit(b.all))
		default:
			w.set(o.dst, i, boolBit(b.count > 0))
		}
	}
	w.setUndef(o.dst.off, w.live, 0)
}

func boolBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
