package emu

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// decoder turns a function's syntax into instructions with operands at fixed places of the frame.
type decoder struct {
	mod  *module
	f    *function
	in   *ptx.Inst // being decoded
	regs []regRef  // by Reg.ID
	next int       // next free unit

	consts   map[constKey]uint32 // index into uses of constants, patched at the end
	images   []constKey
	specials map[special]regRef
	carry    regRef // the condition code register

	start []int32 // code index of each instruction of the body
	joins map[int]bool
}

type constKey struct {
	v uint64
	w uint8
}

// constFlag marks an offset that is the number of a constant until all constants are known.
const constFlag = uint32(1) << 31

// decode compiles a function.
func decode(f *function) error {
	d := &decoder{mod: f.mod, f: f, next: 2, consts: map[constKey]uint32{}, specials: map[special]regRef{}, joins: map[int]bool{}}
	f.varOff = map[*ptx.Var]int64{}
	f.sharedShift, f.globalShift = 2, 2
	if len(f.ast.Regs) > maxFrame {
		return fmt.Errorf("%s:%d: %s has too many registers", f.mod.name, f.ast.Pos.Line, f.ast.Name)
	}
	for _, r := range f.ast.Regs {
		ref, err := d.newReg(r.Type)
		if err != nil {
			return fmt.Errorf("%s:%d: register %s of %s: %w", f.mod.name, f.ast.Pos.Line, r.Name, f.ast.Name, err)
		}
		d.regs = append(d.regs, ref)
	}
	if err := d.placeVars(); err != nil {
		return err
	}
	if err := d.body(); err != nil {
		return err
	}
	d.finish()
	if f.units > maxFrame {
		return fmt.Errorf("%s:%d: %s has too many registers", f.mod.name, f.ast.Pos.Line, f.ast.Name)
	}
	return nil
}

// newReg takes room for a register.
func (d *decoder) newReg(t ptx.Type) (regRef, error) {
	off := uint32(d.next) << unitShift
	switch t.Bits() {
	case 1:
		d.next++
		return regRef{off, wPred, 1}, nil
	case 8, 16:
		d.next++
		return regRef{off, w32, 16}, nil
	case 32:
		d.next++
		return regRef{off, w32, 32}, nil
	case 64:
		d.next += 2
		return regRef{off, w64, 64}, nil
	}
	return regRef{}, fmt.Errorf("type %s is not supported", t)
}

// placeVars lays out local, shared and .param variables.
func (d *decoder) placeVars() error {
	f := d.f
	params := f.ast.Vars
	if !f.ast.Entry {
		params = append(append([]*ptx.Var(nil), f.ast.Params...), f.ast.Returns...)
		params = append(params, f.ast.Vars...)
	}
	f.ownShared = d.mod.sharedTop
	for _, v := range params {
		align := max(v.Align, 1)
		switch v.Space {
		case ptx.Local:
			f.varOff[v] = (f.localBytes + align - 1) / align * align
			f.localBytes = f.varOff[v] + v.Size
			if f.localBytes > localLimit || v.Size < 0 {
				return fmt.Errorf("%s:%d: %s needs more than %d bytes of local memory per thread", d.mod.name, v.Pos.Line, f.ast.Name, localLimit)
			}
		case ptx.Param:
			f.varOff[v] = (f.paramBytes + align - 1) / align * align
			f.paramBytes = f.varOff[v] + v.Size
			if f.paramBytes > localLimit || v.Size < 0 {
				return fmt.Errorf("%s:%d: %s needs more than %d bytes of parameters", d.mod.name, v.Pos.Line, f.ast.Name, localLimit)
			}
		case ptx.Shared:
			if err := d.mod.placeShared(v, &f.ownShared); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s:%d: variable %s in state space %s inside a function", d.mod.name, v.Pos.Line, v.Name, v.Space)
		}
	}
	f.paramBytes = (f.paramBytes + 15) &^ 15
	if f.ownShared == d.mod.sharedTop {
		f.ownShared = 0
	}
	return nil
}

// body decodes all instructions.
func (d *decoder) body() error {
	ast := d.f.ast
	for i := range ast.Body {
		in := &ast.Body[i]
		if in.Op == "bra" && in.Guard != nil || in.Op == "brx" {
			d.joins[ast.Reconverge(i)] = true
		}
	}
	for i := range ast.Body {
		d.start = append(d.start, int32(len(d.f.code)))
		if d.joins[i] {
			d.emit(inst{kind: kJoin}, nil)
		}
		in := &ast.Body[i]
		d.in = in
		err := checkForm(in, d.mod.target)
		if err == nil {
			err = d.instruction(in)
		}
		if err != nil {
			return fmt.Errorf("%s:%d:%d: in %s: %w: `%s`", d.mod.name, in.Pos.Line, in.Pos.Col, ast.Name, err, in.Text())
		}
	}
	d.start = append(d.start, int32(len(d.f.code)))
	d.in = nil // the end is under no guard
	if d.joins[len(ast.Body)] {
		d.emit(inst{kind: kJoin}, nil)
	}
	d.emit(inst{kind: kRet}, nil)
	return nil
}

// emit appends an instruction under the guard of the one being decoded.
func (d *decoder) emit(in inst, info *opInfo) *inst {
	in.ast = d.in
	if d.in != nil && d.in.Guard != nil && in.kind != kJoin {
		in.guarded = true
		in.guard = d.regs[d.in.Guard.ID].off
		if d.in.GuardNot {
			in.invert = allLanes
		}
	}
	d.f.code = append(d.f.code, in)
	d.f.info = append(d.f.info, info)
	return &d.f.code[len(d.f.code)-1]
}

// finish puts the constants at the end of the frame and resolves branches.
func (d *decoder) finish() {
	f := d.f
	f.constAt = d.next
	unit := d.next
	place := make([]uint32, len(d.images))
	for i, k := range d.images {
		place[i] = uint32(unit) << unitShift
		img := make([]uint64, unitBytes/8)
		if k.w == w64 {
			img = make([]uint64, 2*unitBytes/8)
		}
		for j := range img {
			img[j] = k.v
			switch k.w {
			case w32:
				img[j] = k.v<<32 | k.v
			case wPred:
				img[j] = ^uint64(0)
			}
		}
		f.consts = append(f.consts, img...)
		unit += len(img) * 8 / unitBytes
	}
	f.units = unit
	fix := func(off *uint32) {
		if *off&constFlag != 0 {
			*off = place[*off&^constFlag]
		}
	}
	for i := range f.code {
		in := &f.code[i]
		fix(&in.a)
		fix(&in.b)
		fix(&in.c)
		if in.mem != nil {
			fix(&in.mem.base.off)
			for k := range in.mem.regs {
				fix(&in.mem.regs[k].off)
			}
		}
		if p, ok := in.x.(interface{ constants(func(*uint32)) }); ok {
			p.constants(fix)
		}
		switch in.kind {
		case kBranch:
			in.target = d.start[in.target]
			in.meet = d.start[in.meet]
		case kBranchIndex:
			in.meet = d.start[in.meet]
			x := in.x.(*branchIndexOp)
			for k, t := range x.targets {
				x.targets[k] = d.start[t]
			}
		}
	}
	d.unwritten()
	f.regs = d.regs
}

// constant returns a register that holds v in all lanes.
func (d *decoder) constant(v uint64, w, bits uint8) regRef {
	if v == 0 {
		return regRef{0, w, bits}
	}
	k := constKey{v, w}
	i, ok := d.consts[k]
	if !ok {
		i = uint32(len(d.images))
		d.consts[k] = i
		d.images = append(d.images, k)
	}
	return regRef{i | constFlag, w, bits}
}

// special returns a register that is filled when the frame begins.
func (d *decoder) special(what specialKind, arg int64, wide bool) regRef {
	key := special{what: what, arg: arg, wide: wide}
	if r, ok := d.specials[key]; ok {
		return r
	}
	r := regRef{uint32(d.next) << unitShift, w32, 32}
	d.next++
	if wide {
		r.w, r.bits = w64, 64
		d.next++
	}
	d.specials[key] = r
	key2 := key
	key2.off = r.off
	d.f.spec = append(d.f.spec, key2)
	return r
}
