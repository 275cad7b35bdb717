package emu

import (
	"math/bits"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// carryOp is add, sub and mad with carry in or out (PTX ISA 9.7.2).
type carryOp struct {
	dst     regRef
	a, b, c regRef // c of mad
	cc      regRef // the condition code register
	mul     scalar // nil: a + b
	sub     bool
	in, out bool
	bits    uint
}

func (o *carryOp) constants(fix func(*uint32)) {
	fix(&o.a.off)
	fix(&o.b.off)
	fix(&o.c.off)
}

func (o *carryOp) exec(w *warp, _ *inst, mask uint32) *fault {
	cc := w.pred(o.cc.off)
	undef := w.undefOf(o.a.off) | w.undefOf(o.b.off) | w.undefOf(o.c.off)
	if o.in {
		undef |= w.undefOf(o.cc.off)
	}
	for i := range warpSize {
		if mask>>i&1 == 0 {
			continue
		}
		x, y := w.get(o.a, i), w.get(o.b, i)
		if o.mul != nil {
			x, y = o.mul(x, y, 0), w.get(o.c, i)
		}
		var carry uint64
		if o.in {
			carry = uint64(*cc >> i & 1)
		}
		sum, out := o.sum(x, y, carry)
		w.set(o.dst, i, sum)
		if o.out {
			*cc = *cc&^(1<<i) | uint32(out)<<i
		}
	}
	w.setUndef(o.dst.off, mask, undef)
	if o.out {
		w.setUndef(o.cc.off, mask, undef)
	}
	return nil
}

// sum adds or subtracts with a carry or borrow, which is 1 for a borrow too.
func (o *carryOp) sum(x, y, carry uint64) (sum, out uint64) {
	if o.bits == 64 {
		if o.sub {
			return bits.Sub64(x, y, carry)
		}
		return bits.Add64(x, y, carry)
	}
	if o.sub {
		sum = x - y - carry
	} else {
		sum = x + y + carry
	}
	return sum & 0xffffffff, sum >> 32 & 1
}

func (d *decoder) carryOp(in *ptx.Inst) error {
	t := in.Types[0]
	if d.carry.w == 0 {
		var err error
		if d.carry, err = d.newReg(ptx.Pred); err != nil {
			return err
		}
		d.f.zero = append(d.f.zero, d.carry)
	}
	mad := in.Op == "mad" || in.Op == "madc"
	o := &carryOp{cc: d.carry, bits: uint(t.Bits()), out: in.Has("cc"), in: in.Op == "addc" || in.Op == "subc" || in.Op == "madc",
		sub: in.Op == "sub" || in.Op == "subc"}
	n := 3
	if mad {
		n = 4
		mul := *in
		mul.Op = "mul"
		o.mul = mulScalar(&mul, o.bits, t.Signed())
	}
	if err := want(in, n, n); err != nil {
		return err
	}
	var err error
	if o.dst, err = d.dest(&in.Operands[0]); err != nil {
		return err
	}
	if err := fits(o.dst, t); err != nil {
		return err
	}
	for i, r := range []*regRef{&o.a, &o.b, &o.c}[:n-1] {
		if *r, err = d.reg32(&in.Operands[i+1], t); err != nil {
			return err
		}
	}
	d.emit(inst{kind: kOther, x: o}, &opInfo{class: clInteger})
	return nil
}
