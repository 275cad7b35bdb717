package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// operand returns the register that holds a source operand of type t; constants and addresses get one of their own.
func (d *decoder) operand(o *ptx.Operand, t ptx.Type) (regRef, error) {
	w, bits := uint8(w32), uint8(t.Bits())
	switch {
	case t == ptx.Pred:
		w, bits = wPred, 1
	case t.Bits() == 64:
		w = w64
	case t.Bits() < 16:
		bits = 16
	}
	switch o.Kind {
	case ptx.OpReg:
		if o.Not {
			return regRef{}, fmt.Errorf("a negated predicate is not supported here")
		}
		return d.regs[o.Reg.ID], nil
	case ptx.OpInt:
		switch t {
		case ptx.Pred:
			return d.constant(boolBit(o.Imm != 0), wPred, 1), nil
		case ptx.F32, ptx.F64:
			return regRef{}, fmt.Errorf("an integer constant for type %s", t)
		}
		return d.constant(o.Imm&widthMask(uint(bits)), w, bits), nil
	case ptx.OpF32, ptx.OpF64:
		v, err := floatConstant(o, t)
		return d.constant(v, w, bits), err
	case ptx.OpSpecial:
		return d.specialOperand(o.Special)
	case ptx.OpVar:
		return d.symbol(o.Var, o.Offset, w, bits)
	case ptx.OpFunc:
		fn := d.mod.byFunc[o.Func]
		if fn == nil {
			return regRef{}, fmt.Errorf("function %s is not defined in this module", o.Func.Name)
		}
		return d.constant(fn.address(), w, bits), nil
	case ptx.OpSink:
		return regRef{}, nil
	}
	return regRef{}, fmt.Errorf("this kind of operand is not supported here")
}

// floatConstant returns the bits of a floating-point constant as type t, to which it is converted (PTX ISA 4.5.2).
func floatConstant(o *ptx.Operand, t ptx.Type) (uint64, error) {
	single := o.Kind == ptx.OpF32
	switch {
	case single && (t == ptx.F32 || t == ptx.B32), !single && (t == ptx.F64 || t == ptx.B64):
		return o.Imm, nil
	case single && t == ptx.F64:
		return bits64(float64(f32(o.Imm))), nil
	case t == ptx.F32:
		return bits32(float32(f64(o.Imm))), nil
	}
	return 0, fmt.Errorf("a floating-point constant for type %s", t)
}

func (d *decoder) specialOperand(name string) (regRef, error) {
	if name == "WARP_SZ" {
		return d.constant(warpSize, w32, 32), nil
	}
	k, ok := specialNames[name]
	if !ok {
		return regRef{}, fmt.Errorf("special register %s is not supported", name)
	}
	return d.special(k, 0, false), nil
}

// symbol returns the address of a variable in its own state space.
func (d *decoder) symbol(v *ptx.Var, off int64, w, bits uint8) (regRef, error) {
	if v.Space == ptx.Local {
		at, ok := d.f.varOff[v]
		if !ok {
			return regRef{}, fmt.Errorf("local variable %s of another function", v.Name)
		}
		return d.special(spLocal, at+off, w == w64), nil
	}
	if v.Space == ptx.Shared && v.Unsized {
		return d.special(spDynamicShared, off, w == w64), nil
	}
	at, err := d.place(v)
	if err != nil {
		return regRef{}, err
	}
	return d.constant((at+uint64(off))&widthMask(uint(bits)), w, bits), nil
}

// place returns the fixed address of a variable in its own state space.
func (d *decoder) place(v *ptx.Var) (uint64, error) {
	switch v.Space {
	case ptx.Global, ptx.Const:
		if a := d.mod.vars[v]; a != nil {
			return a.base, nil
		}
	case ptx.Shared:
		if at, ok := d.mod.sharedOff[v]; ok {
			if v.Func == nil {
				d.f.usesShared = true
			}
			return uint64(at), nil
		}
	case ptx.Param:
		if d.f.ast.Entry && d.isKernelParam(v) {
			return uint64(v.Offset), nil
		}
		return 0, fmt.Errorf("the address of parameter %s is not supported", v.Name)
	}
	return 0, fmt.Errorf("variable %s has no address", v.Name)
}

// isKernelParam tells a kernel's own parameters from the .param variables of calls.
func (d *decoder) isKernelParam(v *ptx.Var) bool {
	for _, p := range d.f.ast.Params {
		if p == v {
			return d.f.ast.Entry
		}
	}
	return false
}

// dest returns the register of a destination operand; the sink _ has width 0.
func (d *decoder) dest(o *ptx.Operand) (regRef, error) {
	switch o.Kind {
	case ptx.OpReg:
		return d.regs[o.Reg.ID], nil
	case ptx.OpSink:
		return regRef{}, nil
	}
	return regRef{}, fmt.Errorf("the destination must be a register")
}

// want checks the number of operands.
func want(in *ptx.Inst, lo, hi int) error {
	if n := len(in.Operands); n < lo || n > hi {
		if lo == hi {
			return fmt.Errorf("%d operands, %d expected", n, lo)
		}
		return fmt.Errorf("%d operands, %d to %d expected", n, lo, hi)
	}
	return nil
}

// address sets the base register and offset of a memory operand.
func (d *decoder) address(o *ptx.Operand, space ptx.Space) (base regRef, off uint64, err error) {
	if o.Kind != ptx.OpAddr {
		return regRef{}, 0, fmt.Errorf("an address in brackets is expected")
	}
	switch {
	case o.Reg != nil:
		base = d.regs[o.Reg.ID]
		if base.w == wPred || base.bits == 16 {
			return regRef{}, 0, fmt.Errorf("register %s can not hold an address", o.Reg.Name)
		}
		return base, uint64(o.Offset), nil
	case o.Var == nil:
		return regRef{}, uint64(o.Offset), nil
	case o.Var.Space != space && space != ptx.Generic:
		return regRef{}, 0, fmt.Errorf("%s is in state space %s", o.Var.Name, o.Var.Space)
	case o.Var.Space == ptx.Local, o.Var.Space == ptx.Shared && o.Var.Unsized:
		base, err = d.symbol(o.Var, o.Offset, w64, 64)
		return base, 0, err
	}
	at, err := d.place(o.Var)
	return regRef{}, at + uint64(o.Offset), err
}
