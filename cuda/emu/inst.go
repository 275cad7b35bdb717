package emu

import (
	"unsafe"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// laneFn computes 32 lanes: each pointer is a register of the warp, 32 words of 4 or 8 bytes, or a predicate, one bit a lane.
// It must be total: lanes that are not active hold any value.
type laneFn func(d, a, b, c unsafe.Pointer)

// A register takes one unit of the warp's file, or two if it is 64 bits wide; the values of 16-bit registers lie
// zero-extended in 32-bit words, and a predicate is the first 32 bits of its unit.
const (
	unitShift = 7
	unitBytes = 1 << unitShift
	warpSize  = 32
	allLanes  = uint32(0xffffffff)
)

// kind selects what the executor does with an instruction.
type kind uint8

const (
	kALU    kind = iota // d = fn(a, b, c)
	kBranch             // @p bra
	kJoin               // threads that parted may meet here
	kRet
	kExit
	kLoad
	kStore
	kOther // x.exec
	kBranchIndex
	kCall
	kBarrier
	kNop
)

// inst is one pre-decoded instruction.
type inst struct {
	kind    kind
	dw      uint8  // bytes of the destination: 0 none, 1 predicate, 4, 8
	guarded bool   // executes under a predicate
	invert  uint32 // all ones for @!p
	guard   uint32 // offset of the predicate
	d       uint32 // offsets into the frame
	a       uint32
	b       uint32
	c       uint32
	target  int32 // of a branch
	meet    int32 // where the threads of a branch meet again
	fn      laneFn
	mem     *memOp
	x       executor
	ast     *ptx.Inst
}

// executor is an instruction that is more than a lane function.
type executor interface {
	exec(w *warp, in *inst, mask uint32) *fault
}

// regRef is a register operand.
type regRef struct {
	off  uint32
	w    uint8 // 1, 4 or 8; 0 for the sink _
	bits uint8 // declared width: 1, 16, 32 or 64
}

// memOp describes a load, store or atomic.
type memOp struct {
	space      ptx.Space
	size       uint8 // bytes of an element
	vec        uint8 // elements per thread
	signed     bool
	frameParam bool // a .param variable of the frame, at off
	sync       bool // volatile, relaxed, acquire or release: ordered against itself
	words      bool // 32-bit elements in 32-bit registers, none of them the sink
	regs       [4]regRef
	base       regRef // w == 0: none
	off        uint64
	align      uint64 // size*vec - 1
	total      uint64 // size*vec
}

// function is a decoded kernel or device function.
type function struct {
	id      int // index in the module
	mod     *module
	ast     *ptx.Func
	code    []inst
	info    []*opInfo // class and FLOPs of each instruction
	units   int       // size of a frame
	consts  []uint64  // image of the constants, at the end of the frame; the first two units are zero
	constAt int       // first unit of the constants
	spec    []special // registers filled when a frame begins
	zero    []regRef  // registers that may be read before they are written

	localBytes int64 // of a frame
	stackBytes int64 // largest frame of all functions that an entry may call
	paramBytes int64 // of a frame's .param variables
	varOff     map[*ptx.Var]int64
	ownShared  int64 // end of the function's own shared variables
	usesShared bool  // refers to module-level shared variables

	sharedBytes   int64 // static, for entries: of all functions it may call
	dynamicAt     int64 // where dynamic shared memory begins
	sharedShift   uint  // log2 of the smallest shared access
	globalShift   uint  // log2 of the smallest global access
	ordered       bool  // blocks must run in order: atomics whose order shows
	asyncCopies   bool
	callees       []*function
	reach         []*function // of an entry: itself and what it may call
	indirectCalls bool
	regs          []regRef // by Reg.ID
	pressure      int      // registers alive at once, at most; 0: not computed yet
	kernel        *kernel
}

// special is a register that the executor fills at the start of a frame.
type special struct {
	off  uint32
	what specialKind
	arg  int64
	wide bool // 64 bits
}
