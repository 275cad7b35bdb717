package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// instruction decodes one instruction whose form is known to be supported.
func (d *decoder) instruction(in *ptx.Inst) error {
	switch in.Op {
	case "bra", "brx", "call", "ret", "exit", "trap":
		return d.flow(in)
	case "ld", "ldu", "st":
		return d.memory(in)
	case "atom", "red":
		return d.atomic(in)
	case "mov":
		return d.mov(in)
	case "cvt":
		return d.cvt(in)
	case "cvta", "isspacep":
		return d.space(in)
	case "setp":
		return d.setp(in)
	case "selp", "slct", "set":
		return d.choose(in)
	case "bar", "barrier", "membar", "fence":
		return d.barrier(in)
	case "shfl", "vote", "match", "redux", "activemask":
		return d.cross(in)
	case "ldmatrix", "mma":
		return d.tensor(in)
	case "cp":
		return d.async(in)
	case "bfi":
		return d.bfi(in)
	case "lop3":
		return d.lop3(in)
	case "prefetch", "prefetchu", "nanosleep":
		d.emit(inst{kind: kNop}, &opInfo{class: clOther})
		return nil
	case "addc", "subc", "madc":
		return d.carryOp(in)
	case "testp":
		return d.arith(in, regPred)
	}
	if in.Has("cc") {
		return d.carryOp(in)
	}
	return d.arith(in, regSame)
}

// regWidth says what destination an arithmetic instruction has.
type regWidth uint8

const (
	regSame regWidth = iota
	regPred
)

// arith decodes an instruction of up to three sources that a lane function computes.
func (d *decoder) arith(in *ptx.Inst, width regWidth) error {
	t := in.Types[0]
	dst, types, n := shapeOf(in, t)
	if width == regPred {
		dst = ptx.Pred
	}
	if err := want(in, n+1, n+1); err != nil {
		return err
	}
	var f scalar
	if t.Float() {
		f = floatScalar(in, t)
	} else {
		f = intScalar(in, t)
	}
	if f == nil {
		return fmt.Errorf("instruction %s has no implementation", in.Opcode())
	}
	return d.alu(in, f, fastLane(in), dst, types[:n])
}

// shapeOf returns the types of destination and sources of an arithmetic instruction.
func shapeOf(in *ptx.Inst, t ptx.Type) (dst ptx.Type, src [3]ptx.Type, n int) {
	dst, src, n = t, [3]ptx.Type{t, t, t}, 2
	switch in.Op {
	case "mad", "fma", "mad24", "sad", "dp4a", "dp2a", "vabsdiff4":
		n = 3
	case "abs", "neg", "not", "cnot", "brev", "sqrt", "rcp", "rsqrt", "sin", "cos", "lg2", "ex2", "tanh", "testp":
		n = 1
	case "popc", "clz", "bfind":
		dst, n = ptx.U32, 1
	case "shl", "shr":
		src[1] = ptx.U32
	case "bfe":
		src[1], src[2], n = ptx.U32, ptx.U32, 3
	case "prmt", "shf":
		n = 3
	}
	if in.Has("wide") {
		dst = wider(t)
		src[2] = dst
	}
	return dst, src, n
}

// wider returns the integer type of twice the width.
func wider(t ptx.Type) ptx.Type {
	switch t {
	case ptx.U16:
		return ptx.U32
	case ptx.S16:
		return ptx.S32
	case ptx.U32:
		return ptx.U64
	}
	return ptx.S64
}

// alu emits a lane function for dst, sources of the given types in operands 1 and up.
func (d *decoder) alu(in *ptx.Inst, f scalar, fast laneFn, dst ptx.Type, types []ptx.Type) error {
	to, err := d.dest(&in.Operands[0])
	if err != nil {
		return err
	}
	if err := fits(to, dst); err != nil {
		return err
	}
	src := [3]regRef{{w: w32}, {w: w32}, {w: w32}}
	for i, t := range types {
		if src[i], err = d.operand(&in.Operands[i+1], t); err != nil {
			return err
		}
		if err := fits(src[i], t); err != nil {
			return err
		}
	}
	if fast == nil {
		fast = lanes(f, to, src[0].w, src[1].w, src[2].w)
	}
	d.emit(inst{kind: kALU, dw: to.w, fn: fast, d: to.off, a: src[0].off, b: src[1].off, c: src[2].off}, infoOf(in))
	return nil
}

// fits checks that a register can hold a type: PTX wants equal widths.
func fits(r regRef, t ptx.Type) error {
	w := uint8(w32)
	switch {
	case t == ptx.Pred:
		w = wPred
	case t.Bits() == 64:
		w = w64
	}
	if r.w != w || w == w32 && t.Bits() == 32 && r.bits != 32 {
		return fmt.Errorf("a register of %d bits is used as .%s", r.bits, t)
	}
	return nil
}

// infoOf classifies an arithmetic instruction for the counters.
func infoOf(in *ptx.Inst) *opInfo {
	t := ptx.NoType
	if len(in.Types) > 0 {
		t = in.Types[0]
	}
	per := int64(1)
	if in.Op == "fma" || in.Op == "mad" {
		per = 2
	}
	if in.Op == "neg" || in.Op == "abs" || in.Op == "copysign" || in.Op == "testp" {
		per = 0
	}
	switch in.Op {
	case "rcp", "rsqrt", "sin", "cos", "lg2", "ex2", "tanh", "sqrt", "div":
		if in.Has("approx") || in.Has("full") {
			return &opInfo{clSpecial, unSpecial, per}
		}
	}
	switch t {
	case ptx.F32:
		return &opInfo{clFloat32, unFloat32, per}
	case ptx.F64:
		return &opInfo{clFloat64, unFloat64, per}
	case ptx.F16:
		return &opInfo{clHalf, unFloat16, per}
	case ptx.F16x2:
		return &opInfo{clHalf, unFloat16, 2 * per}
	case ptx.BF16:
		return &opInfo{clHalf, unBFloat16, per}
	case ptx.BF16x2:
		return &opInfo{clHalf, unBFloat16, 2 * per}
	case ptx.Pred:
		return &opInfo{class: clPredicate}
	}
	return &opInfo{class: clInteger}
}

// constImm returns the value of a constant operand.
func constImm(o *ptx.Operand) (uint64, bool) { return o.Imm, o.Kind == ptx.OpInt }

// bfi has four sources; position and length are nearly always constants.
func (d *decoder) bfi(in *ptx.Inst) error {
	if err := want(in, 5, 5); err != nil {
		return err
	}
	t := in.Types[0]
	w := uint(t.Bits())
	pos, ok1 := constImm(&in.Operands[3])
	n, ok2 := constImm(&in.Operands[4])
	if ok1 && ok2 {
		pos, n = pos&0xff, n&0xff
		return d.alu(in, func(a, b, _ uint64) uint64 { return bitInsert(a, b, pos, n, w) }, nil, t, []ptx.Type{t, t})
	}
	op := &fourOp{f: func(a, b, c, e uint64) uint64 { return bitInsert(a, b, c&0xff, e&0xff, w) }}
	return d.four(in, op, t, []ptx.Type{t, t, ptx.U32, ptx.U32})
}

// lop3 has three sources and a truth table.
func (d *decoder) lop3(in *ptx.Inst) error {
	if err := want(in, 5, 5); err != nil {
		return err
	}
	table, ok := constImm(&in.Operands[4])
	if !ok || table > 255 {
		return fmt.Errorf("the truth table must be a constant from 0 to 255")
	}
	return d.alu(in, lop3(table), nil, ptx.B32, []ptx.Type{ptx.B32, ptx.B32, ptx.B32})
}

// fourOp computes a value from four registers.
type fourOp struct {
	f   func(a, b, c, e uint64) uint64
	dst regRef
	src [4]regRef
}

func (o *fourOp) constants(fix func(*uint32)) {
	for i := range o.src {
		fix(&o.src[i].off)
	}
}

func (o *fourOp) exec(w *warp, _ *inst, mask uint32) *fault {
	var undef uint32
	for _, r := range o.src {
		undef |= w.undefOf(r.off)
	}
	for i := range warpSize {
		if mask>>i&1 == 1 {
			w.set(o.dst, i, o.f(w.get(o.src[0], i), w.get(o.src[1], i), w.get(o.src[2], i), w.get(o.src[3], i)))
		}
	}
	w.setUndef(o.dst.off, mask, undef)
	return nil
}

func (d *decoder) four(in *ptx.Inst, op *fourOp, dst ptx.Type, types []ptx.Type) error {
	var err error
	if op.dst, err = d.dest(&in.Operands[0]); err != nil {
		return err
	}
	if err := fits(op.dst, dst); err != nil {
		return err
	}
	for i, t := range types {
		if op.src[i], err = d.operand(&in.Operands[i+1], t); err != nil {
			return err
		}
		if err := fits(op.src[i], t); err != nil {
			return err
		}
	}
	d.emit(inst{kind: kOther, x: op}, infoOf(in))
	return nil
}
