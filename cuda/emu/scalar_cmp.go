package emu

import (
	"strings"

	"github.com/unnoise/unnoise/cuda/emu/num"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// compare returns the relation of setp and set (PTX ISA 9.7.5 and 9.7.6): the ordered relations are false when an operand is NaN, those
// ending in u are true.
func compare(cmp string, t ptx.Type, ftz bool) func(a, b uint64) bool {
	if t.Float() {
		return compareFloat(cmp, t, ftz)
	}
	w, s := uint(t.Bits()), t.Signed()
	var lt, eq bool // results wanted when less, when equal
	var gt bool
	switch cmp {
	case "eq":
		eq = true
	case "ne":
		lt, gt = true, true
	case "lt", "lo":
		lt = true
	case "le", "ls":
		lt, eq = true, true
	case "gt", "hi":
		gt = true
	default: // ge, hs
		gt, eq = true, true
	}
	return func(a, b uint64) bool {
		x, y := ext(a, w, s), ext(b, w, s)
		switch {
		case x == y:
			return eq
		case s && int64(x) < int64(y), !s && x < y:
			return lt
		}
		return gt
	}
}

func compareFloat(cmp string, t ptx.Type, ftz bool) func(a, b uint64) bool {
	var lt, eq, gt, un bool
	base := cmp
	if cmp != "num" && len(cmp) == 3 {
		un, base = strings.HasSuffix(cmp, "u"), cmp[:2]
	}
	switch {
	case cmp == "num":
		lt, eq, gt = true, true, true
	case cmp == "nan":
		un = true
	case base == "eq":
		eq = true
	case base == "ne":
		lt, gt = true, true
	case base == "lt":
		lt = true
	case base == "le":
		lt, eq = true, true
	case base == "gt":
		gt = true
	default:
		gt, eq = true, true
	}
	return func(a, b uint64) bool {
		if ftz {
			a, b = flushBits(a, t), flushBits(b, t)
		}
		x, y := toFloat(a, t), toFloat(b, t)
		switch {
		case x < y:
			return lt
		case x == y:
			return eq
		case x > y:
			return gt
		}
		return un
	}
}

// flushBits flushes a subnormal of type f32 or f16.
func flushBits(b uint64, t ptx.Type) uint64 {
	f := formatOf(t)
	if t == ptx.F64 || b>>f.Frac&(1<<f.Exp-1) != 0 {
		return b
	}
	return b & (1 << (f.Frac + f.Exp))
}

// setScalar is set: all ones or 1.0 where the relation holds.
func setScalar(in *ptx.Inst) scalar {
	if from := in.Types[1]; from == ptx.F16x2 || from == ptx.BF16x2 {
		one := *in
		one.Types = []ptx.Type{in.Types[0] - 1, from - 1}
		if !in.Types[0].Float() {
			one.Types[0] = ptx.U16
		}
		return pairs(setScalar(&one))
	}
	rel := compare(in.Mods[0], in.Types[1], in.Has("ftz"))
	yes := uint64(0xffffffff)
	switch in.Types[0] {
	case ptx.F32:
		yes = bits32(1)
	case ptx.F16:
		yes = uint64(num.F32ToF16(1))
	case ptx.BF16:
		yes = uint64(num.F32ToBF16(1))
	case ptx.U16, ptx.S16:
		yes = 0xffff
	}
	return func(a, b, _ uint64) uint64 {
		if rel(a, b) {
			return yes
		}
		return 0
	}
}

// slctScalar is slct: a if c >= 0, else b; NaN chooses b.
func slctScalar(in *ptx.Inst) scalar {
	if in.Types[1] == ptx.F32 {
		ftz := in.Has("ftz")
		return func(a, b, c uint64) uint64 {
			x := f32(c)
			if ftz {
				x = num.FTZ(x)
			}
			if x >= 0 {
				return a
			}
			return b
		}
	}
	return func(a, b, c uint64) uint64 {
		if sx(c, 32) >= 0 {
			return a
		}
		return b
	}
}
