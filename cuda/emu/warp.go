package emu

import (
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// fault is what a broken rule is reported as.
type fault = cuda.Fault

// warpState says why a warp stopped.
type warpState uint8

const (
	ready   warpState = iota
	waiting           // at a barrier
	done
)

const (
	noMeet       = int32(-1)
	maxCallDepth = 512
	localLimit   = 64 << 10 // bytes of local memory per thread
	maxUnits     = 1 << 17  // units of registers per warp, of all frames
	maxFrame     = 1 << 15  // units of one frame
)

// path is one entry of the reconvergence stack: threads that go on at pc once those above them have come to meet.
type path struct {
	pc, meet int32
	mask     uint32
}

// frame is one activation of a function.
type frame struct {
	fn        *function
	unit      int    // first unit in the register file
	params    []byte // .param variables, lane after lane
	paramInit []byte // their shadow
	local     int64  // local address of the frame's variables
	returned  uint32 // threads that have executed ret

	// The caller's state.
	pc, meet int32
	mask     uint32
	stack    int
	call     *callOp
	pending  uint32 // threads of an indirect call that have not run yet
}

// warp is 32 threads in lock step.
type warp struct {
	wk    *worker
	blk   *block
	id    int
	state warpState

	fn    *function
	base  unsafe.Pointer // frame in regs
	undef []uint32       // undefined lanes of each unit of the frame
	prof  []profile
	pc    int32
	meet  int32
	mask  uint32 // active threads
	live  uint32 // threads that have not exited
	all   uint32 // threads that exist
	taint bool   // some register may hold an undefined value
	steps uint64

	stack    []path
	frames   []frame
	regs     []uint64
	undefAll []uint32
	loaded   *function // whose constants are in the first frame

	local     []byte // lane after lane
	localInit []byte
	localCap  int64
	localTop  int64
	paramTop  int64 // bytes per lane of the parameters of all frames

	async   asyncQueue
	barWait barrierWait
	late    *fault
	tmp     [warpSize]uint64
	addr    [warpSize]uint64
	epoch   uint32           // rises at every barrier that the warp passes
	seen    [warpSize]uint32 // accesses of warp i in epochs below seen[i] are ordered before this warp's
	minSeen uint32           // smallest of seen
	fenced  bool             // a fence was executed
}

// profile counts the executions of one instruction.
type profile struct{ issues, lanes uint64 }

// begin prepares the warp for a block.
func (w *warp) begin(b *block, id int, threads uint32) {
	f := b.wk.l.fn
	w.blk, w.id, w.state = b, id, ready
	w.all, w.live, w.mask = threads, threads, threads
	w.steps, w.pc, w.meet = 0, 0, noMeet
	w.stack, w.frames = w.stack[:0], w.frames[:0]
	w.localTop, w.paramTop, w.late = 0, 0, nil
	w.epoch, w.minSeen, w.fenced = b.epoch, b.epoch, false
	for i := range w.seen {
		w.seen[i] = b.epoch
	}
	w.async.reset()
	if w.taint {
		clear(w.undefAll)
		w.taint = false
	}
	w.enter(f, 0)
	w.loaded = f
}

// enter makes f's frame, at the given unit, the current one and fills its constants and special registers.
func (w *warp) enter(f *function, unit int) {
	if need := (unit + f.units) * unitBytes / 8; need > len(w.regs) {
		grown := make([]uint64, need+need/2)
		copy(grown, w.regs)
		w.regs = grown
		undef := make([]uint32, len(grown)*8/unitBytes)
		copy(undef, w.undefAll)
		w.undefAll = undef
		w.loaded = nil
	}
	w.fn = f
	w.base = unsafe.Pointer(&w.regs[unit*unitBytes/8])
	w.undef = w.undefAll[unit : unit+f.units]
	w.prof = w.wk.profiles[f.id]
	if unit > 0 || w.loaded != f {
		clear(w.regs[unit*unitBytes/8 : (unit+2)*unitBytes/8])
		copy(w.regs[(unit+f.constAt)*unitBytes/8:], f.consts)
	}
	fr := frame{fn: f, unit: unit, local: w.localTop}
	if f.paramBytes > 0 {
		fr.params = alignedBytes(int(f.paramBytes * warpSize))
		fr.paramInit = make([]byte, f.paramBytes*warpSize)
	}
	w.frames = append(w.frames, fr)
	w.localTop += (f.localBytes + 15) &^ 15
	w.paramTop += f.paramBytes
	if f.localBytes > 0 {
		w.clearLocal(fr.local, f.localBytes)
	}
	if w.taint {
		clear(w.undef)
	}
	for _, r := range f.zero {
		w.setUndefinedRegister(r)
	}
	w.fillSpecial(f, &w.frames[len(w.frames)-1])
}

// setUndefinedRegister marks a register that may be read before it is written.
func (w *warp) setUndefinedRegister(r regRef) {
	p := (*[warpSize]uint64)(unsafe.Add(w.base, r.off))
	switch r.w {
	case 1:
		p[0] = 0
	case 4:
		clear(p[:warpSize/2])
	default:
		clear(p[:])
	}
	w.undef[r.off>>unitShift] = allLanes
	w.taint = true
}

func (w *warp) frame() *frame { return &w.frames[len(w.frames)-1] }

// reg32, reg64 and pred give access to a register of the current frame.
func (w *warp) reg32(off uint32) *[warpSize]uint32 {
	return (*[warpSize]uint32)(unsafe.Add(w.base, off))
}
func (w *warp) reg64(off uint32) *[warpSize]uint64 {
	return (*[warpSize]uint64)(unsafe.Add(w.base, off))
}
func (w *warp) pred(off uint32) *uint32 { return (*uint32)(unsafe.Add(w.base, off)) }

// get returns the value of a register in one lane.
func (w *warp) get(r regRef, lane int) uint64 {
	switch r.w {
	case 8:
		return w.reg64(r.off)[lane]
	case 1:
		return uint64(*w.pred(r.off) >> uint(lane) & 1)
	}
	return uint64(w.reg32(r.off)[lane])
}

// set writes the value of a register in one lane, cut to its declared width.
func (w *warp) set(r regRef, lane int, v uint64) {
	switch r.w {
	case 8:
		w.reg64(r.off)[lane] = v
	case 4:
		if r.bits == 16 {
			v &= 0xffff
		}
		w.reg32(r.off)[lane] = uint32(v)
	case 1:
		p := w.pred(r.off)
		*p = *p&^(1<<uint(lane)) | uint32(v&1)<<uint(lane)
	}
}

// undefOf returns the undefined lanes of a register.
func (w *warp) undefOf(off uint32) uint32 { return w.undef[off>>unitShift] }

// setUndef records which of the lanes in mask a register is undefined in.
func (w *warp) setUndef(off, mask, undef uint32) {
	p := &w.undef[off>>unitShift]
	*p = *p&^mask | undef&mask
}

// diverge lets the threads in taken go to in.target and the others of w.mask to the next instruction.
func (w *warp) diverge(in *inst, taken uint32) {
	next := w.pc + 1
	rest := w.mask &^ taken
	if w.meet != in.meet {
		w.stack = append(w.stack, path{in.meet, w.meet, w.mask})
	}
	w.meet = in.meet
	switch {
	case next == in.meet:
		w.pc, w.mask = in.target, taken
	case in.target == in.meet:
		w.pc, w.mask = next, rest
	default:
		w.stack = append(w.stack, path{next, in.meet, rest})
		w.pc, w.mask = in.target, taken
	}
}

// resume takes up the next waiting path of the current frame that has threads left; false if there is none.
func (w *warp) resume() bool {
	fr := w.frame()
	for len(w.stack) > fr.stack {
		p := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if m := p.mask & w.live &^ fr.returned; m != 0 {
			w.pc, w.meet, w.mask = p.pc, p.meet, m
			return true
		}
	}
	return false
}

// leave ends the current path: its threads returned or exited. It reports false when the warp has no threads left.
func (w *warp) leave() bool {
	for !w.resume() {
		if len(w.frames) == 1 {
			w.state = done
			return false
		}
		if w.unwind() {
			return true
		}
	}
	return true
}

// threadPos is the position of a thread in its block.
func (w *warp) threadPos(lane int) cuda.Dim3 {
	d := w.wk.l.block
	t := w.id*warpSize + lane
	return cuda.Dim3{X: t % d.X, Y: t / d.X % d.Y, Z: t / (d.X * d.Y)}
}

func firstLane(mask uint32) int { return bits.TrailingZeros32(mask) }
