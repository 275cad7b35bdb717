package emu

import (
	"fmt"
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// members checks the member mask of a warp-wide instruction: the threads that execute it must be those that it names, as far
// as they exist.
func (w *warp) members(in *inst, r regRef, mask uint32) *fault {
	if w.taint && w.undefOf(r.off)&mask != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(mask), "the member mask depends on a value that nobody wrote")
	}
	m := w.reg32(r.off)
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		if m[i]>>uint(i)&1 == 0 {
			return w.fault(cuda.InvalidArgument, in, i, fmt.Sprintf("the thread is not in its own member mask %#x", m[i]))
		}
		if missing := m[i] & w.live &^ mask; missing != 0 {
			return w.fault(cuda.BarrierDivergence, in, i, fmt.Sprintf("the member mask %#x names thread %s, which is not here", m[i], dimString(w.threadPos(firstLane(missing)))))
		}
	}
	return nil
}

// warpSyncOp is bar.warp.sync.
type warpSyncOp struct{ members regRef }

func (o *warpSyncOp) constants(fix func(*uint32)) { fix(&o.members.off) }

func (o *warpSyncOp) exec(w *warp, in *inst, mask uint32) *fault {
	return w.members(in, o.members, mask)
}

// crossOp is an instruction by which the threads of a warp exchange values.
type crossOp struct {
	op      string
	dst     regRef
	pred    regRef // second destination, w == 0: none
	a, b, c regRef
	not     uint32
	member  regRef // w == 0: none
	red     func(a, b uint32) uint32
}

func (o *crossOp) constants(fix func(*uint32)) {
	fix(&o.a.off)
	fix(&o.b.off)
	fix(&o.c.off)
	fix(&o.member.off)
}

func (o *crossOp) exec(w *warp, in *inst, mask uint32) *fault {
	if o.member.w != 0 {
		if f := w.members(in, o.member, mask); f != nil {
			return f
		}
	}
	switch o.op {
	case "up", "down", "bfly", "idx":
		return o.shuffle(w, in, mask)
	case "active":
		o.spread(w, mask, func(int) uint64 { return uint64(mask) }, 0)
		return nil
	case "any", "all", "uni", "ballot":
		return o.vote(w, mask)
	case "redux":
		return o.reduce(w, mask)
	}
	return o.match(w, mask)
}

// groupOf returns the threads that take part with a thread: its member mask, as far as they are here.
func (o *crossOp) groupOf(w *warp, lane int, mask uint32) uint32 {
	return w.reg32(o.member.off)[lane] & mask
}

// spread writes a result to the lanes of mask.
func (o *crossOp) spread(w *warp, mask uint32, f func(lane int) uint64, undef uint32) {
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		w.set(o.dst, i, f(i))
	}
	w.setUndef(o.dst.off, mask, undef)
}

// shuffle is shfl.sync (PTX ISA 9.7.8.6).
func (o *crossOp) shuffle(w *warp, in *inst, mask uint32) *fault {
	a, b, c := w.reg32(o.a.off), w.reg32(o.b.off), w.reg32(o.c.off)
	if u := (w.undefOf(o.b.off) | w.undefOf(o.c.off)) & mask; u != 0 {
		return w.fault(cuda.Uninitialized, in, firstLane(u), "the lane to read depends on a value that nobody wrote")
	}
	var out [warpSize]uint32
	var valid, undef uint32
	from := w.undefOf(o.a.off)
	for t := mask; t != 0; t &= t - 1 {
		i := bits.TrailingZeros32(t)
		j, ok := shuffleSource(o.op, i, int(b[i]&31), int(c[i]&31), int(c[i]>>8&31))
		if !ok {
			j = i
		} else {
			valid |= 1 << i
		}
		if mask>>j&1 == 0 {
			undef |= 1 << i // a lane that does not execute the shuffle has no value to give
			w.taint = true
			continue
		}
		out[i] = a[j]
		undef |= from >> j & 1 << i
	}
	if o.dst.w != 0 {
		d := w.reg32(o.dst.off)
		for t := mask; t != 0; t &= t - 1 {
			i := bits.TrailingZeros32(t)
			d[i] = out[i]
		}
		w.setUndef(o.dst.off, mask, undef)
	}
	if o.pred.w != 0 {
		p := w.pred(o.pred.off)
		*p = *p&^mask | valid
		w.setUndef(o.pred.off, mask, 0)
	}
	return nil
}

// shuffleSource returns the lane that a lane reads, and whether it is within the segment.
func shuffleSource(op string, lane, b, clamp, seg int) (int, bool) {
	low := lane & seg
	high := low | clamp&^seg
	var j int
	switch op {
	case "up":
		j = lane - b
		return j, j >= high
	case "down":
		j = lane + b
	case "bfly":
		j = lane ^ b
	default:
		j = low | b&^seg
	}
	return j, j <= high
}

// vote is vote.sync (PTX ISA 9.7.12.9).
func (o *crossOp) vote(w *warp, mask uint32) *fault {
	p := *w.pred(o.a.off) ^ o.not
	u := w.undefOf(o.a.off)
	var undef uint32
	o.spread(w, mask, func(i int) uint64 {
		g := o.groupOf(w, i, mask)
		if u&g != 0 {
			undef |= 1 << i
		}
		switch o.op {
		case "any":
			return boolBit(p&g != 0)
		case "all":
			return boolBit(p&g == g)
		case "uni":
			return boolBit(p&g == g || p&g == 0)
		}
		return uint64(p & g)
	}, 0)
	w.setUndef(o.dst.off, mask, undef)
	return nil
}

// reduce is redux.sync (PTX ISA 9.7.12.12).
func (o *crossOp) reduce(w *warp, mask uint32) *fault {
	a := *w.reg32(o.a.off)
	u := w.undefOf(o.a.off)
	var undef uint32
	o.spread(w, mask, func(i int) uint64 {
		g := o.groupOf(w, i, mask)
		if u&g != 0 {
			undef |= 1 << i
		}
		r := a[firstLane(g)]
		for t := g & (g - 1); t != 0; t &= t - 1 {
			r = o.red(r, a[firstLane(t)])
		}
		return uint64(r)
	}, 0)
	w.setUndef(o.dst.off, mask, undef)
	return nil
}

// match is match.sync (PTX ISA 9.7.12.10).
func (o *crossOp) match(w *warp, mask uint32) *fault {
	var v [warpSize]uint64
	for i := range v {
		v[i] = w.get(o.a, i)
	}
	u := w.undefOf(o.a.off)
	var same, undef uint32
	o.spread(w, mask, func(i int) uint64 {
		g := o.groupOf(w, i, mask)
		if u&g != 0 {
			undef |= 1 << i
		}
		var eq uint32
		for t := g; t != 0; t &= t - 1 {
			if j := firstLane(t); v[j] == v[i] {
				eq |= 1 << j
			}
		}
		if o.op == "match.any" {
			return uint64(eq)
		}
		if eq != g {
			return 0
		}
		same |= 1 << i
		return uint64(g)
	}, 0)
	w.setUndef(o.dst.off, mask, undef)
	if o.pred.w != 0 {
		p := w.pred(o.pred.off)
		*p = *p&^mask | same
		w.setUndef(o.pred.off, mask, undef)
	}
	return nil
}

// reduction returns the operation of redux.
func reduction(name string, t ptx.Type) func(a, b uint32) uint32 {
	s := t.Signed()
	less := func(a, b uint32) bool {
		if s {
			return int32(a) < int32(b)
		}
		return a < b
	}
	switch name {
	case "add":
		return func(a, b uint32) uint32 { return a + b }
	case "min":
		return func(a, b uint32) uint32 {
			if less(b, a) {
				return b
			}
			return a
		}
	case "max":
		return func(a, b uint32) uint32 {
			if less(a, b) {
				return b
			}
			return a
		}
	case "and":
		return func(a, b uint32) uint32 { return a & b }
	case "or":
		return func(a, b uint32) uint32 { return a | b }
	}
	return func(a, b uint32) uint32 { return a ^ b }
}

// cross decodes shfl, vote, match, redux and activemask.
func (d *decoder) cross(in *ptx.Inst) error {
	t := ptx.B32
	if len(in.Types) > 0 {
		t = in.Types[0]
	}
	o := &crossOp{}
	n := map[string]int{"shfl": 5, "vote": 3, "match": 3, "redux": 3, "activemask": 1}[in.Op]
	if err := want(in, n, n); err != nil {
		return err
	}
	var err error
	to := in.Operands[0]
	if to.Kind == ptx.OpPair {
		if o.pred, err = d.dest(&to.Elems[1]); err != nil {
			return err
		}
		to = to.Elems[0]
	}
	if o.dst, err = d.dest(&to); err != nil {
		return err
	}
	src := func(i int, t ptx.Type, r *regRef) {
		if err == nil {
			*r, err = d.reg32(&in.Operands[i], t)
		}
	}
	switch in.Op {
	case "shfl":
		o.op = in.Mods[1]
		src(1, ptx.B32, &o.a)
		src(2, ptx.B32, &o.b)
		src(3, ptx.B32, &o.c)
		src(4, ptx.B32, &o.member)
	case "vote":
		o.op = in.Mods[1]
		o.a, o.not, err = d.predicate(&in.Operands[1])
		src(2, ptx.B32, &o.member)
	case "match":
		o.op = "match." + in.Mods[0]
		src(1, t, &o.a)
		src(2, ptx.B32, &o.member)
		t = ptx.B32
	case "redux":
		o.op, o.red = "redux", reduction(in.Mods[1], t)
		src(1, t, &o.a)
		src(2, ptx.B32, &o.member)
	default:
		o.op = "active"
	}
	if err != nil {
		return err
	}
	if o.dst.w != 0 {
		if err := fits(o.dst, t); err != nil {
			return err
		}
	} else if in.Op != "shfl" {
		return fmt.Errorf("the destination must be a register")
	}
	d.emit(inst{kind: kOther, x: o}, &opInfo{class: clCross})
	return nil
}
