package emu

import (
	"fmt"
	"math/bits"

	"github.com/unnoise/unnoise/cuda/ptx"
)

var spaceByName = map[string]ptx.Space{
	"global": ptx.Global, "shared": ptx.Shared, "shared::cta": ptx.Shared, "local": ptx.Local, "const": ptx.Const, "param": ptx.Param,
}

// spaceOf returns the state space named by the modifiers.
func spaceOf(in *ptx.Inst) ptx.Space {
	for _, m := range in.Mods {
		if s, ok := spaceByName[m]; ok {
			return s
		}
	}
	return ptx.Generic
}

// narrow remembers the smallest access to a space, which fixes the grain of its race cells.
func (d *decoder) narrow(space ptx.Space, size int) {
	shift := uint(bits.TrailingZeros(uint(size)))
	if space == ptx.Shared || space == ptx.Generic {
		d.f.sharedShift = min(d.f.sharedShift, shift)
	}
	if space == ptx.Global || space == ptx.Generic {
		d.f.globalShift = min(d.f.globalShift, shift)
	}
}

// memory decodes ld, ldu and st (PTX ISA 9.7.8.8, 9.7.8.10, 9.7.8.11).
func (d *decoder) memory(in *ptx.Inst) error {
	if err := want(in, 2, 2); err != nil {
		return err
	}
	t := in.Types[0]
	m := &memOp{space: spaceOf(in), size: uint8(t.Bytes()), vec: 1, signed: t.Signed()}
	at, value := &in.Operands[1], &in.Operands[0]
	if in.Op == "st" {
		at, value = value, at
	}
	if m.space == ptx.Generic && at.Var != nil {
		m.space = at.Var.Space
	}
	values := []ptx.Operand{*value}
	if value.Kind == ptx.OpVec {
		values = value.Elems
	}
	if in.Has("v2") {
		m.vec = 2
	} else if in.Has("v4") {
		m.vec = 4
	}
	if len(values) != int(m.vec) {
		return fmt.Errorf("%d values for a vector of %d", len(values), m.vec)
	}
	m.words = m.size == 4
	for i := range values {
		r, err := d.dataReg(in, &values[i], t)
		if err != nil {
			return err
		}
		m.regs[i] = r
		m.words = m.words && r.w == w32
	}
	m.total = uint64(m.size) * uint64(m.vec)
	m.align = m.total - 1
	if m.total > 16 {
		return fmt.Errorf("a vector of %d bytes", m.total)
	}
	if err := d.memAddress(m, at); err != nil {
		return err
	}
	if !m.frameParam {
		d.narrow(m.space, int(m.size))
	}
	for _, s := range []string{"volatile", "relaxed", "acquire", "release"} {
		m.sync = m.sync || in.Has(s)
	}
	if m.sync && (m.space == ptx.Global || m.space == ptx.Generic) {
		d.f.ordered = true
	}
	if in.Op == "st" {
		if m.space == ptx.Const || m.space == ptx.Param && !m.frameParam {
			return fmt.Errorf("a store to state space %s", m.space)
		}
		d.emit(inst{kind: kStore, mem: m}, &opInfo{class: clStore})
		return nil
	}
	d.emit(inst{kind: kLoad, mem: m}, &opInfo{class: clLoad})
	return nil
}

// dataReg returns a register that is loaded or stored as type t; it may be wider than t.
func (d *decoder) dataReg(in *ptx.Inst, o *ptx.Operand, t ptx.Type) (regRef, error) {
	var r regRef
	var err error
	if in.Op == "st" {
		r, err = d.operand(o, t)
	} else {
		r, err = d.dest(o)
	}
	switch {
	case err != nil:
		return r, err
	case r.w == wPred:
		return r, fmt.Errorf("a predicate can not be loaded or stored")
	case r.w == 0 && in.Op == "st":
		return r, fmt.Errorf("the sink has no value to store")
	case r.w != 0 && int(r.bits) < t.Bits():
		return r, fmt.Errorf("a register of %d bits is used as .%s", r.bits, t)
	}
	return r, nil
}

// memAddress sets the address of a memory operation; .param variables of the frame have fixed places.
func (d *decoder) memAddress(m *memOp, at *ptx.Operand) error {
	if m.space == ptx.Param && at.Var != nil && !d.isKernelParam(at.Var) {
		off, ok := d.f.varOff[at.Var]
		if !ok || at.Reg != nil {
			return fmt.Errorf("parameter %s has no address here", at.Var.Name)
		}
		if at.Offset < 0 || at.Offset > at.Var.Size-int64(m.total) {
			return fmt.Errorf("%d bytes at byte %d of parameter %s, which has %d", m.total, at.Offset, at.Var.Name, at.Var.Size)
		}
		m.frameParam, m.off = true, uint64(off+at.Offset)
		return nil
	}
	if m.space == ptx.Param && !d.f.ast.Entry {
		return fmt.Errorf("a computed parameter address in a device function")
	}
	var err error
	m.base, m.off, err = d.address(at, m.space)
	return err
}

// async decodes cp.async and its groups (PTX ISA 9.7.8.24).
func (d *decoder) async(in *ptx.Inst) error {
	d.f.asyncCopies = true
	info := &opInfo{class: clLoad}
	switch in.Mods[len(in.Mods)-1] {
	case "commit_group":
		d.emit(inst{kind: kOther, x: commitOp{}}, &opInfo{class: clOther})
		return want(in, 0, 0)
	case "wait_all":
		d.emit(inst{kind: kOther, x: waitOp{all: true}}, &opInfo{class: clBarrier})
		return want(in, 0, 0)
	case "wait_group":
		if err := want(in, 1, 1); err != nil {
			return err
		}
		n, ok := constImm(&in.Operands[0])
		if !ok {
			return fmt.Errorf("the number of groups must be a constant")
		}
		d.emit(inst{kind: kOther, x: waitOp{keep: uint32(n)}}, &opInfo{class: clBarrier})
		return nil
	}
	if err := want(in, 3, 4); err != nil {
		return err
	}
	n, ok := constImm(&in.Operands[2])
	if !ok || n != 16 && (in.Has("cg") || n != 4 && n != 8) {
		return fmt.Errorf("the size must be the constant 16, or 4 or 8 with .ca")
	}
	op := &asyncOp{n: n}
	var err error
	if op.dst, op.dstOff, err = d.address(&in.Operands[0], ptx.Shared); err != nil {
		return err
	}
	if op.src, op.srcOff, err = d.address(&in.Operands[1], ptx.Global); err != nil {
		return err
	}
	if len(in.Operands) == 4 {
		if op.srcSize, err = d.operand(&in.Operands[3], ptx.U32); err != nil {
			return err
		}
		if err := fits(op.srcSize, ptx.U32); err != nil {
			return err
		}
	}
	d.emit(inst{kind: kOther, x: op}, info)
	return nil
}

func (o *asyncOp) constants(fix func(*uint32)) {
	fix(&o.dst.off)
	fix(&o.src.off)
	fix(&o.srcSize.off)
}
