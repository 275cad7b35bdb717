package emu

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// atomicOp is atom and red (PTX ISA 9.7.12.5 and 9.7.12.6). The threads of a warp take effect in the order of their lanes.
type atomicOp struct {
	f     func(old, b, c uint64) uint64
	far   func(old, b, c uint64) uint64 // the same in global memory
	dst   regRef                        // w == 0: none
	b, c  regRef
	reads bool // the new value depends on the old one
}

func (o *atomicOp) constants(fix func(*uint32)) {
	fix(&o.b.off)
	fix(&o.c.off)
}

func (o *atomicOp) exec(w *warp, in *inst, mask uint32) *fault {
	m := in.mem
	if w.taint {
		if f := w.checkAddress(in, mask); f != nil {
			return f
		}
		if u := (w.undefOf(o.b.off) | w.undefOf(o.c.off)) & mask; u != 0 {
			i := firstLane(u)
			addr := w.addresses(m)[i]
			f := w.globalFault(cuda.Uninitialized, in, i, addr, "an operand of the atomic depends on a value that nobody wrote")
			if m.space == ptx.Shared {
				f.Space, f.Object = "shared", w.wk.l.sharedObject(addr, m.total)
			}
			return f
		}
		w.setUndef(o.dst.off, mask, 0)
	}
	w.wk.ctr.Atomics += int64(bits.OnesCount32(mask))
	w.addresses(m)
	return w.bySpace(m, mask, func(space ptx.Space, mask uint32) *fault {
		switch space {
		case ptx.Shared:
			return o.shared(w, in, mask)
		case ptx.Local:
			return w.fault(cuda.OutOfBounds, in, firstLane(mask), "an atomic on local memory")
		}
		return o.global(w, in, mask)
	})
}

// apply performs the operation of one lane at p.
func (o *atomicOp) apply(w *warp, m *memOp, lane int, p unsafe.Pointer, f func(old, b, c uint64) uint64) {
	old := m.extend(p)
	var c uint64
	if o.c.w != 0 {
		c = w.get(o.c, lane)
	}
	m.put(p, f(old, w.get(o.b, lane), c))
	if o.dst.w != 0 {
		w.set(o.dst, lane, old)
	}
}

func (o *atomicOp) global(w *warp, in *inst, mask uint32) *fault {
	m, wk := in.mem, w.wk
	l := wk.l
	if l.parallel {
		l.atomics.Lock()
		defer l.atomics.Unlock()
	}
	last := ^uint64(0) // lanes of one address hand data over once
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		v, off, bad := w.access(in, i, w.addr[i], m.total, cuda.ReadWrite)
		if bad != nil {
			return bad
		}
		if o.reads && !allDefined(v.a.init[off:off+m.total]) {
			return w.globalFault(cuda.Uninitialized, in, i, w.addr[i], "an atomic on bytes that nobody wrote")
		}
		if v.tracked {
			again := w.addr[i] == last
			last = w.addr[i]
			if !again {
				w.acquire(last)
			}
			if !wk.noteAtomic(v, off, m.total, false) {
				return w.globalRace(in, i, v, off, m.total, true)
			}
			if !again {
				w.release(last)
			}
		}
		wk.saveOld(v, off, m.total)
		o.apply(w, m, i, unsafe.Pointer(&v.a.data[off]), o.far)
		fill(v.a.init[off:off+m.total], defined)
	}
	return nil
}

func (o *atomicOp) shared(w *warp, in *inst, mask uint32) *fault {
	m, b := in.mem, w.blk
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		off := w.addr[i]
		w.acquireShared(off)
		if f := w.sharedWrite(in, i, off, m.total, sharedAtomic); f != nil {
			return f
		}
		w.releaseShared(off)
		shadow := b.sharedInit[off : off+m.total]
		if o.reads && !allDefined(shadow) {
			return w.sharedFault(cuda.Uninitialized, in, i, off, m.total, "an atomic on bytes that nobody wrote")
		}
		o.apply(w, m, i, unsafe.Pointer(&b.shared[off]), o.f)
		fill(shadow, defined)
	}
	return nil
}

// operation is what an atomic instruction does; it stands before or after semantics and scope.
func operation(in *ptx.Inst) string {
	for _, m := range in.Mods {
		switch m {
		case "and", "or", "xor", "exch", "cas", "add", "inc", "dec", "min", "max":
			return m
		}
	}
	return ""
}

// atomic decodes atom and red.
func (d *decoder) atomic(in *ptx.Inst) error {
	t := in.Types[0]
	name := operation(in)
	m := &memOp{space: spaceOf(in), size: uint8(t.Bytes()), vec: 1, total: uint64(t.Bytes()), align: uint64(t.Bytes()) - 1}
	o := &atomicOp{reads: name != "exch"}
	if o.f = atomicFunc(name, t); o.f == nil {
		return fmt.Errorf("atomic operation %s has no implementation", name)
	}
	if o.far = o.f; name == "add" && t == ptx.F32 {
		o.far = func(a, b, _ uint64) uint64 { return bits32(num.FTZ(num.FTZ(f32(a)) + num.FTZ(f32(b)))) }
	}
	ops := in.Operands
	n := 2
	if name == "cas" {
		n = 3
	}
	var err error
	if in.Op == "atom" {
		if err := want(in, n+1, n+1); err != nil {
			return err
		}
		if o.dst, err = d.dest(&ops[0]); err != nil {
			return err
		}
		if o.dst.w != 0 {
			if err := fits(o.dst, t); err != nil {
				return err
			}
		}
		ops = ops[1:]
	} else if err := want(in, n, n); err != nil {
		return err
	}
	if m.space == ptx.Generic && ops[0].Var != nil {
		m.space = ops[0].Var.Space
	}
	if m.base, m.off, err = d.address(&ops[0], m.space); err != nil {
		return err
	}
	if o.b, err = d.reg32(&ops[1], t); err != nil {
		return err
	}
	if n == 3 {
		if o.c, err = d.reg32(&ops[2], t); err != nil {
			return err
		}
	}
	d.narrow(m.space, int(m.size))
	if m.space != ptx.Shared && (o.dst.w != 0 || t.Float() || name == "exch" || name == "cas" || name == "inc" || name == "dec") {
		d.f.ordered = true
	}
	d.emit(inst{kind: kOther, x: o, mem: m}, &opInfo{class: clAtomic})
	return nil
}

// atomicFunc returns the new value of an atomic operation, or nil.
func atomicFunc(name string, t ptx.Type) func(old, b, c uint64) uint64 {
	m := widthMask(uint(t.Bits()))
	switch name {
	case "and":
		return func(a, b, _ uint64) uint64 { return a & b }
	case "or":
		return func(a, b, _ uint64) uint64 { return a | b }
	case "xor":
		return func(a, b, _ uint64) uint64 { return a ^ b }
	case "exch":
		return func(_, b, _ uint64) uint64 { return b }
	case "cas":
		return func(a, b, c uint64) uint64 {
			if a == b {
				return c
			}
			return a
		}
	case "inc":
		return func(a, b, _ uint64) uint64 {
			if a >= b {
				return 0
			}
			return a + 1
		}
	case "dec":
		return func(a, b, _ uint64) uint64 {
			if a == 0 || a > b {
				return b
			}
			return a - 1
		}
	case "min", "max":
		w, s := uint(t.Bits()), t.Signed()
		return func(a, b, _ uint64) uint64 {
			x, y := ext(a, w, s), ext(b, w, s)
			less := x < y
			if s {
				less = int64(x) < int64(y)
			}
			if less == (name == "min") {
				return a
			}
			return b
		}
	case "add":
		return atomicAdd(t, m)
	}
	return nil
}

func atomicAdd(t ptx.Type, m uint64) func(old, b, c uint64) uint64 {
	switch t {
	case ptx.F32: // in shared memory; in global memory subnormals are flushed
		return func(a, b, _ uint64) uint64 { return bits32(f32(a) + f32(b)) }
	case ptx.F64:
		return func(a, b, _ uint64) uint64 { return bits64(f64(a) + f64(b)) }
	case ptx.F16, ptx.BF16, ptx.F16x2, ptx.BF16x2:
		h := num.HalfF16
		if t == ptx.BF16 || t == ptx.BF16x2 {
			h = num.HalfBF16
		}
		one := func(a, b, _ uint64) uint64 { return uint64(h.Add(uint16(a), uint16(b))) }
		if t.Bits() == 32 {
			return pairs(one)
		}
		return one
	}
	return func(a, b, _ uint64) uint64 { return (a + b) & m }
}
