package emu

import (
	"fmt"
	"unsafe"

	"github.com/unnoise/unnoise/cuda/emu/lane"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// setpOp is setp with a second destination, a combining predicate, or a pair type.
type setpOp struct {
	lo, hi func(a, b uint64) bool // hi for the upper half of a pair
	p, q   regRef                 // q.w == 0: none
	a, b   regRef
	c      regRef // combining predicate, w == 0: none
	not    uint32
	how    string
}

func (o *setpOp) constants(fix func(*uint32)) {
	fix(&o.a.off)
	fix(&o.b.off)
}

func (o *setpOp) exec(w *warp, _ *inst, mask uint32) *fault {
	var yes, upper uint32
	for i := range warpSize {
		x, y := w.get(o.a, i), w.get(o.b, i)
		if o.hi != nil {
			upper |= uint32(boolBit(o.hi(x>>16, y>>16))) << i
			x, y = x&0xffff, y&0xffff
		}
		yes |= uint32(boolBit(o.lo(x, y))) << i
	}
	no := ^yes
	if o.hi != nil {
		no = upper
	}
	if o.c.w != 0 {
		c := *w.pred(o.c.off) ^ o.not
		switch o.how {
		case "and":
			yes, no = yes&c, no&c
		case "or":
			yes, no = yes|c, no|c
		default:
			yes, no = yes^c, no^c
		}
	}
	undef := w.undefOf(o.a.off) | w.undefOf(o.b.off) | w.undefOf(o.c.off)
	o.put(w, o.p, yes, mask, undef)
	o.put(w, o.q, no, mask, undef)
	return nil
}

func (o *setpOp) put(w *warp, r regRef, v, mask, undef uint32) {
	if r.w != 0 {
		p := w.pred(r.off)
		*p = *p&^mask | v&mask
		w.setUndef(r.off, mask, undef)
	}
}

// setp decodes setp (PTX ISA 9.7.5.2 and 9.7.6.2).
func (d *decoder) setp(in *ptx.Inst) error {
	how := ""
	for _, m := range in.Mods[1 : len(in.Mods)-1] {
		if m == "and" || m == "or" || m == "xor" {
			how = m
		}
	}
	n := 3
	if how != "" {
		n = 4
	}
	if err := want(in, n, n); err != nil {
		return err
	}
	t := in.Types[0]
	pair := t == ptx.F16x2 || t == ptx.BF16x2
	elem := t
	if pair {
		elem = t - 1
	}
	op := &setpOp{how: how, lo: compare(in.Mods[0], elem, in.Has("ftz"))}
	if pair {
		op.hi = op.lo
	}
	var err error
	to := in.Operands[0]
	if to.Kind == ptx.OpPair {
		if op.q, err = d.dest(&to.Elems[1]); err != nil {
			return err
		}
		to = to.Elems[0]
	}
	if op.p, err = d.dest(&to); err != nil {
		return err
	}
	if op.a, err = d.operand(&in.Operands[1], t); err != nil {
		return err
	}
	if op.b, err = d.operand(&in.Operands[2], t); err != nil {
		return err
	}
	for _, r := range []regRef{op.a, op.b} {
		if err := fits(r, t); err != nil {
			return err
		}
	}
	if how != "" {
		if op.c, op.not, err = d.predicate(&in.Operands[3]); err != nil {
			return err
		}
	}
	if op.p.w > wPred || op.q.w > wPred {
		return fmt.Errorf("the destination must be a predicate")
	}
	info := &opInfo{class: clPredicate}
	if how == "" && op.q.w == 0 && !pair && op.p.w == wPred {
		fn := fastCompare(in.Mods[0], t, in.Has("ftz"))
		if fn == nil {
			fn = relation(op.lo, op.a.w, op.b.w)
		}
		d.emit(inst{kind: kALU, dw: wPred, d: op.p.off, a: op.a.off, b: op.b.off, fn: fn}, info)
		return nil
	}
	d.emit(inst{kind: kOther, x: op}, info)
	return nil
}

// predicate returns a source predicate, which may be negated.
func (d *decoder) predicate(o *ptx.Operand) (regRef, uint32, error) {
	if o.Kind != ptx.OpReg || d.regs[o.Reg.ID].w != wPred {
		return regRef{}, 0, fmt.Errorf("a predicate is expected")
	}
	var not uint32
	if o.Not {
		not = allLanes
	}
	return d.regs[o.Reg.ID], not, nil
}

// choose decodes selp, slct and set.
func (d *decoder) choose(in *ptx.Inst) error {
	t := in.Types[0]
	switch in.Op {
	case "set":
		if err := want(in, 3, 3); err != nil {
			return err
		}
		return d.alu(in, setScalar(in), nil, t, []ptx.Type{in.Types[1], in.Types[1]})
	case "slct":
		if err := want(in, 4, 4); err != nil {
			return err
		}
		return d.alu(in, slctScalar(in), nil, t, []ptx.Type{t, t, in.Types[1]})
	}
	if err := want(in, 4, 4); err != nil {
		return err
	}
	fast := lane.Of(in.Opcode())
	if fast == nil {
		fast = select32
	}
	if t.Bits() == 64 {
		fast = select64
	}
	return d.alu(in, nil, fast, t, []ptx.Type{t, t, ptx.Pred})
}

func select32(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b := (*[warpSize]uint32)(dp), (*[warpSize]uint32)(ap), (*[warpSize]uint32)(bp)
	p := *(*uint32)(cp)
	for i := range d {
		m := -(p >> i & 1)
		d[i] = a[i]&m | b[i]&^m
	}
}

func select64(dp, ap, bp, cp unsafe.Pointer) {
	d, a, b := (*[warpSize]uint64)(dp), (*[warpSize]uint64)(ap), (*[warpSize]uint64)(bp)
	p := *(*uint32)(cp)
	for i := range d {
		m := -uint64(p >> i & 1)
		d[i] = a[i]&m | b[i]&^m
	}
}
