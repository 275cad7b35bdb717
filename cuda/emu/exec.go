package emu

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// timeSlice is how many instructions a warp runs before another of its block gets its turn.
const timeSlice = 1 << 16

// run executes the warp until it ends, waits, uses up its time slice or breaks a rule.
func (w *warp) run() *fault {
	steps := w.steps
	limit := min(steps+timeSlice, w.wk.l.budget)
	code := w.fn.code
	for {
		in := &code[w.pc]
		mask := w.mask
		p := &w.prof[w.pc]
		p.issues++
		steps++
		if in.guarded && in.kind != kBranch {
			mask &= *w.pred(in.guard) ^ in.invert
			if w.taint {
				if f := w.checkGuard(in, w.mask); f != nil {
					w.steps = steps
					return f
				}
			}
			if mask == 0 {
				w.pc++
				continue
			}
		}
		p.lanes += uint64(bits.OnesCount32(mask))
		switch in.kind {
		case kALU:
			if mask == allLanes {
				in.fn(unsafe.Add(w.base, in.d), unsafe.Add(w.base, in.a), unsafe.Add(w.base, in.b), unsafe.Add(w.base, in.c))
			} else {
				w.partial(in, mask)
			}
			if w.taint {
				w.setUndef(in.d, mask, w.undefOf(in.a)|w.undefOf(in.b)|w.undefOf(in.c))
			}
			w.pc++
		case kLoad:
			if f := w.load(in, mask); f != nil {
				w.steps = steps
				return f
			}
			w.pc++
		case kStore:
			if f := w.store(in, mask); f != nil {
				w.steps = steps
				return f
			}
			w.pc++
		case kOther:
			if f := in.x.exec(w, in, mask); f != nil {
				w.steps = steps
				return f
			}
			w.pc++
		case kBranch:
			if f := w.branch(in); f != nil {
				w.steps = steps
				return f
			}
			if steps >= limit {
				w.steps = steps
				return w.checkBudget(in)
			}
		case kJoin:
			if w.meet == w.pc {
				w.resume()
			} else {
				w.pc++
			}
		case kNop:
			w.pc++
		default:
			w.steps = steps
			f := w.control(in, mask)
			if f != nil || w.state == done {
				return f
			}
			if steps >= limit || in.kind == kBarrier {
				return w.checkBudget(in)
			}
			code = w.fn.code
		}
	}
}

// control executes what changes frames or stops the warp.
func (w *warp) control(in *inst, mask uint32) *fault {
	switch in.kind {
	case kRet:
		w.ret(mask)
		return w.takeLate()
	case kExit:
		w.exit(mask)
		return w.takeLate()
	case kCall:
		return in.x.exec(w, in, mask)
	case kBarrier:
		return in.x.exec(w, in, mask)
	case kBranchIndex:
		return in.x.exec(w, in, mask)
	}
	return nil
}

// takeLate returns a fault that was found while a function returned.
func (w *warp) takeLate() *fault {
	f := w.late
	w.late = nil
	return f
}

// partial executes a lane function for some lanes only.
func (w *warp) partial(in *inst, mask uint32) {
	tmp := unsafe.Pointer(&w.tmp)
	in.fn(tmp, unsafe.Add(w.base, in.a), unsafe.Add(w.base, in.b), unsafe.Add(w.base, in.c))
	switch in.dw {
	case 4:
		d, s := w.reg32(in.d), (*[warpSize]uint32)(tmp)
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			d[i] = s[i]
		}
	case 8:
		d := w.reg64(in.d)
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m)
			d[i] = w.tmp[i]
		}
	case 1:
		d := w.pred(in.d)
		*d = *d&^mask | *(*uint32)(tmp)&mask
	}
}

// branch moves the warp to the target of a branch, all of it or in parts.
func (w *warp) branch(in *inst) *fault {
	if !in.guarded {
		w.pc = in.target
		return nil
	}
	if w.taint {
		if f := w.checkGuard(in, w.mask); f != nil {
			return f
		}
	}
	taken := (*w.pred(in.guard) ^ in.invert) & w.mask
	switch taken {
	case 0:
		w.pc++
	case w.mask:
		w.pc = in.target
	default:
		w.wk.ctr.DivergentBranches++
		w.diverge(in, taken)
	}
	return nil
}

// checkGuard reports an undefined predicate.
func (w *warp) checkGuard(in *inst, mask uint32) *fault {
	u := w.undefOf(in.guard) & mask
	if u == 0 {
		return nil
	}
	return w.fault(cuda.Uninitialized, in, firstLane(u), "the predicate depends on a value that nobody wrote")
}

// checkBudget ends a launch that runs for too long.
func (w *warp) checkBudget(in *inst) *fault {
	if w.steps < w.wk.l.budget {
		return nil
	}
	return w.fault(cuda.StepBudget, in, firstLane(w.mask), fmt.Sprintf("a warp executed %d instructions", w.steps))
}

// exit ends threads.
func (w *warp) exit(mask uint32) {
	w.live &^= mask
	w.mask &^= mask
	w.completeAll(mask)
	if w.mask != 0 {
		w.pc++
		return
	}
	w.leave()
}

// ret returns threads from the current function; from a kernel that is exit.
func (w *warp) ret(mask uint32) {
	if len(w.frames) == 1 {
		w.exit(mask)
		return
	}
	w.frame().returned |= mask
	w.mask &^= mask
	if w.mask != 0 {
		w.pc++
		return
	}
	w.leave()
}
