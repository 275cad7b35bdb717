package emu

import (
	"fmt"
	"unsafe"

	"github.com/unnoise/unnoise/cuda/emu/lane"
	"github.com/unnoise/unnoise/cuda/ptx"
)

var moveInfo = &opInfo{class: clMove}

// mov decodes mov, packing and unpacking included (PTX ISA 9.7.8.3, 9.7.8.4).
func (d *decoder) mov(in *ptx.Inst) error {
	if err := want(in, 2, 2); err != nil {
		return err
	}
	t := in.Types[0]
	to, from := &in.Operands[0], &in.Operands[1]
	switch {
	case to.Kind == ptx.OpVec:
		return d.unpack(to.Elems, from, t)
	case from.Kind == ptx.OpVec:
		return d.pack(to, from.Elems, t)
	}
	dst, err := d.dest(to)
	if err != nil {
		return err
	}
	src, err := d.operand(from, t)
	if err != nil {
		return err
	}
	if dst.w == 0 {
		return fmt.Errorf("the destination must be a register")
	}
	if from.Kind == ptx.OpSpecial || from.Kind == ptx.OpVar {
		if dst.w == wPred {
			return fmt.Errorf("a predicate can not hold this value")
		}
		fn := lanes(first, dst, src.w, w32, w32)
		if dst.w == src.w && dst.bits == 8*dst.w {
			fn = copyLanes(dst.w)
		}
		d.emit(inst{kind: kALU, dw: dst.w, d: dst.off, a: src.off, fn: fn}, moveInfo)
		return nil
	}
	if dst.w != src.w {
		return fmt.Errorf("registers of %d and %d bits", dst.bits, src.bits)
	}
	d.emit(inst{kind: kALU, dw: dst.w, d: dst.off, a: src.off, fn: copyLanes(dst.w)}, moveInfo)
	return nil
}

func first(a, _, _ uint64) uint64 { return a }

// copyLanes is the lane function of mov for a register width.
func copyLanes(w uint8) laneFn {
	switch w {
	case wPred:
		return func(d, a, _, _ unsafe.Pointer) { *(*uint32)(d) = *(*uint32)(a) }
	case w64:
		return func(d, a, _, _ unsafe.Pointer) { *(*[warpSize]uint64)(d) = *(*[warpSize]uint64)(a) }
	}
	return func(d, a, _, _ unsafe.Pointer) { *(*[warpSize]uint32)(d) = *(*[warpSize]uint32)(a) }
}

// packOp joins registers into one, or takes one apart.
type packOp struct {
	one   regRef
	parts []regRef
	bits  uint // of a part
	split bool
}

func (o *packOp) constants(fix func(*uint32)) {
	fix(&o.one.off)
	for i := range o.parts {
		fix(&o.parts[i].off)
	}
}

func (o *packOp) exec(w *warp, _ *inst, mask uint32) *fault {
	m := widthMask(o.bits)
	if o.split {
		undef := w.undefOf(o.one.off)
		for k, p := range o.parts {
			if p.w == 0 {
				continue
			}
			for i := range warpSize {
				if mask>>i&1 == 1 {
					w.set(p, i, w.get(o.one, i)>>(uint(k)*o.bits)&m)
				}
			}
			w.setUndef(p.off, mask, undef)
		}
		return nil
	}
	var undef uint32
	for _, p := range o.parts {
		undef |= w.undefOf(p.off)
	}
	for i := range warpSize {
		if mask>>i&1 == 0 {
			continue
		}
		var v uint64
		for k, p := range o.parts {
			v |= w.get(p, i) & m << (uint(k) * o.bits)
		}
		w.set(o.one, i, v)
	}
	w.setUndef(o.one.off, mask, undef)
	return nil
}

func (d *decoder) unpack(to []ptx.Operand, from *ptx.Operand, t ptx.Type) error {
	op := &packOp{split: true, bits: uint(t.Bits() / len(to))}
	var err error
	if op.one, err = d.operand(from, t); err != nil {
		return err
	}
	for i := range to {
		r, err := d.dest(&to[i])
		if err != nil {
			return err
		}
		op.parts = append(op.parts, r)
	}
	return d.emitPack(op, t)
}

func (d *decoder) pack(to *ptx.Operand, from []ptx.Operand, t ptx.Type) error {
	op := &packOp{bits: uint(t.Bits() / len(from))}
	part := ptx.B16
	if op.bits == 32 {
		part = ptx.B32
	}
	var err error
	if op.one, err = d.dest(to); err != nil {
		return err
	}
	for i := range from {
		r, err := d.operand(&from[i], part)
		if err != nil {
			return err
		}
		if r.w == 0 {
			return fmt.Errorf("the sink _ has no value to read")
		}
		op.parts = append(op.parts, r)
	}
	return d.emitPack(op, t)
}

func (d *decoder) emitPack(op *packOp, t ptx.Type) error {
	if op.bits != 16 && op.bits != 32 || len(op.parts) != 2 && len(op.parts) != 4 {
		return fmt.Errorf("a vector of %d parts of .%s is not supported", len(op.parts), t)
	}
	if op.one.w != w32 && op.one.w != w64 || uint(op.one.bits) != op.bits*uint(len(op.parts)) {
		return fmt.Errorf("a register of %d bits is used as .%s", op.one.bits, t)
	}
	for _, p := range op.parts {
		if p.w != 0 && (p.w != w32 || uint(p.bits) != op.bits) {
			return fmt.Errorf("a part has %d bits, %d are expected", p.bits, op.bits)
		}
	}
	switch whole := len(op.parts) == 2 && op.parts[0].w != 0 && op.parts[1].w != 0; {
	case whole && op.bits == 32:
		d.emit(inst{kind: kOther, x: (*pack64Op)(op)}, moveInfo)
		return nil
	case whole && !op.split:
		fn := lane.Of("pack.b16")
		if fn == nil {
			fn = pack16
		}
		d.emit(inst{kind: kALU, dw: w32, d: op.one.off, a: op.parts[0].off, b: op.parts[1].off, fn: fn}, moveInfo)
		return nil
	case whole:
		d.emit(inst{kind: kOther, x: (*split16Op)(op)}, moveInfo)
		return nil
	}
	d.emit(inst{kind: kOther, x: op}, moveInfo)
	return nil
}

// pack64Op is packOp for two words and all lanes at once.
type pack64Op packOp

func (o *pack64Op) constants(fix func(*uint32)) { (*packOp)(o).constants(fix) }

func (o *pack64Op) exec(w *warp, in *inst, mask uint32) *fault {
	if mask != allLanes || w.taint {
		return (*packOp)(o).exec(w, in, mask)
	}
	one, lo, hi := w.reg64(o.one.off), w.reg32(o.parts[0].off), w.reg32(o.parts[1].off)
	if o.split {
		for i, v := range one {
			lo[i], hi[i] = uint32(v), uint32(v>>32)
		}
		return nil
	}
	for i := range one {
		one[i] = uint64(lo[i]) | uint64(hi[i])<<32
	}
	return nil
}

// pack16 joins two 16-bit registers.
func pack16(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b, _ := lanes4(dp, ap, bp, cp)
	for i := range d {
		d[i] = a[i]&0xffff | b[i]<<16
	}
}

// split16Op is packOp that takes a word apart, for all lanes at once.
type split16Op packOp

func (o *split16Op) constants(fix func(*uint32)) { (*packOp)(o).constants(fix) }

func (o *split16Op) exec(w *warp, in *inst, mask uint32) *fault {
	if mask != allLanes || w.taint {
		return (*packOp)(o).exec(w, in, mask)
	}
	one, lo, hi := w.reg32(o.one.off), w.reg32(o.parts[0].off), w.reg32(o.parts[1].off)
	for i, v := range one {
		lo[i], hi[i] = v&0xffff, v>>16
	}
	return nil
}

// cvt decodes conversions (PTX ISA 9.7.8.20).
func (d *decoder) cvt(in *ptx.Inst) error {
	n := 2
	to, from := in.Types[0], in.Types[1]
	if to == ptx.F16x2 || to == ptx.BF16x2 {
		n = 3
	}
	if err := want(in, n, n); err != nil {
		return err
	}
	dst, err := d.dest(&in.Operands[0])
	if err != nil {
		return err
	}
	src := [2]regRef{{w: w32}, {w: w32}}
	for i := range n - 1 {
		if src[i], err = d.operand(&in.Operands[i+1], from); err != nil {
			return err
		}
		if src[i].w == wPred || int(src[i].bits) < from.Bits() {
			return fmt.Errorf("a register of %d bits is used as .%s", src[i].bits, from)
		}
	}
	if dst.w == wPred || dst.w == 0 || int(dst.bits) < to.Bits() {
		return fmt.Errorf("a register of %d bits is used as .%s", dst.bits, to)
	}
	fn := fastCvt(in, dst, src[0])
	if fn == nil {
		fn = lanes(cvtScalar(in), dst, src[0].w, src[1].w, w32)
	}
	d.emit(inst{kind: kALU, dw: dst.w, d: dst.off, a: src[0].off, b: src[1].off, fn: fn}, &opInfo{class: clConvert})
	return nil
}

// space decodes cvta and isspacep (PTX ISA 9.7.8.18 and 19).
func (d *decoder) space(in *ptx.Inst) error {
	if err := want(in, 2, 2); err != nil {
		return err
	}
	dst, err := d.dest(&in.Operands[0])
	if err != nil {
		return err
	}
	src, err := d.operand(&in.Operands[1], ptx.U64)
	if err != nil {
		return err
	}
	if src.w != w64 {
		return fmt.Errorf("addresses of 32 bits are not supported")
	}
	window := map[string]uint64{"shared": sharedWindow, "local": localWindow}
	var f scalar
	if in.Op == "isspacep" {
		if dst.w != wPred {
			return fmt.Errorf("the destination must be a predicate")
		}
		id, other := window[in.Mods[0]], in.Mods[0] == "const"
		f = func(a, _, _ uint64) uint64 {
			switch {
			case id != 0:
				return boolBit(a>>idShift == id)
			case other:
				return 0
			}
			return boolBit(a>>idShift >= firstAlloc)
		}
	} else {
		if dst.w != w64 {
			return fmt.Errorf("addresses of 32 bits are not supported")
		}
		base := window[in.Mods[len(in.Mods)-2]] << idShift
		if in.Has("to") {
			base = -base
		}
		if base == 0 {
			d.emit(inst{kind: kALU, dw: w64, d: dst.off, a: src.off, fn: copyLanes(w64)}, moveInfo)
			return nil
		}
		f = func(a, _, _ uint64) uint64 { return a + base }
	}
	d.emit(inst{kind: kALU, dw: dst.w, d: dst.off, a: src.off, fn: lanes(f, dst, w64, w32, w32)}, moveInfo)
	return nil
}
