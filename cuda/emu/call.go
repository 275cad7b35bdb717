package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// callOp is a call of a device function. Arguments and results are .param variables of the caller's frame.
type callOp struct {
	fn      *function // nil for an indirect call
	target  regRef    // holds the function's address
	args    []*ptx.Var
	results []*ptx.Var
}

// exec starts the call for the threads in mask.
func (c *callOp) exec(w *warp, in *inst, mask uint32) *fault {
	if len(w.frames) >= maxCallDepth {
		return w.fault(cuda.CallDepth, in, firstLane(mask), fmt.Sprintf("more than %d nested calls", maxCallDepth))
	}
	if c.fn != nil {
		return w.call(in, c, c.fn, mask, 0)
	}
	if u := w.undef[c.target.off>>unitShift] & mask; w.taint && u != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(u), "the called address depends on a value that nobody wrote")
	}
	return w.callNext(in, c, mask)
}

// callNext calls the function that the first thread in mask wants, for all threads that want the same.
func (w *warp) callNext(in *inst, c *callOp, mask uint32) *fault {
	first := w.get(c.target, firstLane(mask))
	fn := w.fn.mod.functionAt(first)
	if fn == nil || fn.ast.Entry || len(fn.ast.Params) != len(c.args) || len(fn.ast.Returns) != len(c.results) {
		return w.fault(cuda.InvalidArgument, in, firstLane(mask), fmt.Sprintf("%#x is not the address of a function with this prototype", first))
	}
	var same uint32
	for i := range warpSize {
		if mask>>i&1 == 1 && w.get(c.target, i) == first {
			same |= 1 << i
		}
	}
	return w.call(in, c, fn, same, mask&^same)
}

// call enters fn with the threads in mask; pending threads of the same instruction follow when they are back.
func (w *warp) call(in *inst, c *callOp, fn *function, mask, pending uint32) *fault {
	if w.localTop+fn.localBytes > localLimit || w.paramTop+fn.paramBytes > localLimit {
		return w.fault(cuda.CallDepth, in, firstLane(mask), fmt.Sprintf("the frames of nested calls need more than %d bytes of local memory", localLimit))
	}
	caller := w.frame()
	from := *caller
	if from.unit+from.fn.units+fn.units > maxUnits {
		return w.fault(cuda.CallDepth, in, firstLane(mask), "the registers of nested calls need too much memory")
	}
	pc, meet, active := w.pc, w.meet, w.mask
	w.enter(fn, from.unit+from.fn.units)
	fr := w.frame()
	fr.pc, fr.meet, fr.mask = pc, meet, active
	fr.stack, fr.call, fr.pending = len(w.stack), c, pending
	for i, p := range fn.ast.Params {
		copyParam(fr, p, &from, c.args[i], mask)
	}
	w.pc, w.meet, w.mask = 0, noMeet, mask
	return nil
}

// copyParam copies a variable of one frame's parameters to another's, for the lanes in mask.
func copyParam(dst *frame, dv *ptx.Var, src *frame, sv *ptx.Var, mask uint32) {
	n := min(dv.Size, sv.Size)
	for i := range int64(warpSize) {
		if mask>>uint(i)&1 == 1 {
			d, s := i*dst.fn.paramBytes+dst.fn.varOff[dv], i*src.fn.paramBytes+src.fn.varOff[sv]
			copy(dst.params[d:d+n], src.params[s:s+n])
			copy(dst.paramInit[d:d+n], src.paramInit[s:s+n])
		}
	}
}

// unwind leaves the current frame and takes up its caller, or the next function of an indirect call. It reports false if
// the caller has no threads left either.
func (w *warp) unwind() bool {
	fr := *w.frame()
	w.frames = w.frames[:len(w.frames)-1]
	caller := w.frame()
	f := caller.fn
	for i, v := range fr.call.results {
		copyParam(caller, v, &fr, fr.fn.ast.Returns[i], fr.returned)
	}
	w.localTop = fr.local
	w.paramTop -= fr.fn.paramBytes
	w.fn = f
	w.base = regBase(w.regs, caller.unit)
	w.undef = w.undefAll[caller.unit : caller.unit+f.units]
	w.prof = w.wk.profiles[f.id]
	w.pc, w.meet, w.mask = fr.pc, fr.meet, fr.mask&w.live
	if pending := fr.pending & w.live; pending != 0 {
		if bad := w.callNext(&f.code[w.pc], fr.call, pending); bad != nil {
			w.late = bad
		} else {
			return true
		}
	}
	if w.mask == 0 {
		return false
	}
	w.pc++
	return true
}
