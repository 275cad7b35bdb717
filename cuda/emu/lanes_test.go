package emu

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/unnoise/unnoise/cuda/ptx"
)

// typeNamed finds a type by its name.
func typeNamed(name string) (ptx.Type, bool) {
	for t := ptx.Pred; t <= ptx.F64; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return ptx.NoType, false
}

// parsed makes an instruction of a dotted opcode.
func parsed(opcode string) *ptx.Inst {
	parts := strings.Split(opcode, ".")
	in := &ptx.Inst{Op: parts[0], Mods: parts[1:]}
	for _, m := range parts[1:] {
		if t, ok := typeNamed(m); ok {
			in.Types = append(in.Types, t)
		}
	}
	return in
}

func refOf(t ptx.Type) regRef {
	switch t.Bits() {
	case 1:
		return regRef{w: wPred, bits: 1}
	case 64:
		return regRef{w: w64, bits: 64}
	}
	return regRef{w: w32, bits: 32}
}

// laneWords fills a register: special values of every type, and random ones.
func laneWords(r *rand.Rand, t ptx.Type) (reg [warpSize]uint64) {
	special := []uint64{0, 1, 31, 32, 33, 64, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000, 0x7f800000, 0x7fc00000, 0x00000001, 0x807fffff, 1 << 63, math.MaxUint64}
	word := func() uint64 {
		if r.IntN(3) == 0 {
			return special[r.IntN(len(special))]
		}
		return r.Uint64() >> r.IntN(64)
	}
	if t.Bits() == 64 {
		for i := range reg {
			reg[i] = word()
		}
		return reg
	}
	for i := range warpSize / 2 {
		reg[i] = word()&0xffffffff | word()<<32
	}
	return reg
}

// agree compares two lane functions on many registers.
func agree(t *testing.T, name string, fast, want laneFn, dst ptx.Type, src [3]ptx.Type) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b, c := laneWords(r, src[0]), laneWords(r, src[1]), laneWords(r, src[2])
		var x, y [warpSize]uint64
		pa, pb, pc := unsafe.Pointer(&a), unsafe.Pointer(&b), unsafe.Pointer(&c)
		fast(unsafe.Pointer(&x), pa, pb, pc)
		want(unsafe.Pointer(&y), pa, pb, pc)
		for i := range warpSize {
			w := refOf(dst).w
			if g, e := readWord(unsafe.Pointer(&x), w, i), readWord(unsafe.Pointer(&y), w, i); g != e {
				t.Fatalf("%s of %#x %#x %#x: got %#x, want %#x", name, readWord(pa, refOf(src[0]).w, i), readWord(pb, refOf(src[1]).w, i), readWord(pc, refOf(src[2]).w, i), g, e)
			}
		}
	}
}

// TestFastLanes holds the written-out lane functions to the scalar meaning of their instructions.
func TestFastLanes(t *testing.T) {
	for name, fast := range fastLanes {
		in := parsed(name)
		dst, src, _ := shapeOf(in, in.Types[0])
		f := intScalar(in, in.Types[0])
		if in.Types[0].Float() {
			f = floatScalar(in, in.Types[0])
		}
		agree(t, name, fast, lanes(f, refOf(dst), refOf(src[0]).w, refOf(src[1]).w, refOf(src[2]).w), dst, src)
		if now := fastLane(in); now != nil { // assembly, where there is any
			agree(t, name+" as used", now, fast, dst, src)
		}
	}
}

// TestFastComparisons does the same for setp.
func TestFastComparisons(t *testing.T) {
	for _, typ := range []ptx.Type{ptx.B32, ptx.U32, ptx.S32, ptx.B64, ptx.U64, ptx.S64, ptx.F32, ptx.F64} {
		relations := []string{"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"}
		if typ.Float() {
			relations = []string{"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"}
		}
		for _, cmp := range relations {
			want := relation(compare(cmp, typ, false), refOf(typ).w, refOf(typ).w)
			for name, fast := range map[string]laneFn{"as used": fastCompare(cmp, typ, false), "portable": portableCompare(cmp, typ)} {
				if fast != nil {
					agree(t, "setp."+cmp+"."+typ.String()+" "+name, fast, want, ptx.Pred, [3]ptx.Type{typ, typ, ptx.B32})
				}
			}
		}
	}
}

// TestFastConversions does the same for cvt.
func TestFastConversions(t *testing.T) {
	for _, name := range []string{"cvt.s64.s32", "cvt.u64.u32", "cvt.u32.u64", "cvt.s32.s64", "cvt.rn.f32.s32", "cvt.rn.f32.u32"} {
		in := parsed(name)
		dst, src := refOf(in.Types[0]), refOf(in.Types[1])
		want := lanes(cvtScalar(in), dst, src.w, w32, w32)
		for kind, fast := range map[string]laneFn{"as used": fastCvt(in, dst, src), "portable": portableCvt(name, dst, src)} {
			if fast == nil {
				t.Fatalf("%s has no %s lane function", name, kind)
			}
			agree(t, name+" "+kind, fast, want, in.Types[0], [3]ptx.Type{in.Types[1], ptx.B32, ptx.B32})
		}
	}
}

// TestSelections holds selp to its definition.
func TestSelections(t *testing.T) {
	pick := func(a, b, p uint64) uint64 {
		if p&1 == 1 {
			return a
		}
		return b
	}
	agree(t, "selp.b32", select32, lanes(pick, refOf(ptx.B32), w32, w32, wPred), ptx.B32, [3]ptx.Type{ptx.B32, ptx.B32, ptx.Pred})
	agree(t, "selp.b64", select64, lanes(pick, refOf(ptx.B64), w64, w64, wPred), ptx.B64, [3]ptx.Type{ptx.B64, ptx.B64, ptx.Pred})
}

// TestShuffleSources compares with the definition in the PTX ISA, section shfl.sync, term by term.
func TestShuffleSources(t *testing.T) {
	for _, op := range []string{"up", "down", "bfly", "idx"} {
		for lane := range warpSize {
			for b := range 32 {
				for _, c := range []int{0, 31, 0x1f1f, 0x1c1f, 0x181f, 0x1c00, 0x1e01} {
					cval, seg := c&31, c>>8&31
					maxLane := lane&seg | cval&^seg&31
					minLane := lane & seg
					var j int
					var p bool
					switch op {
					case "up":
						j = lane - b
						p = j >= maxLane
					case "down":
						j = lane + b
						p = j <= maxLane
					case "bfly":
						j = lane ^ b
						p = j <= maxLane
					case "idx":
						j = minLane | b&^seg
						p = j <= maxLane
					}
					if gj, gp := shuffleSource(op, lane, b, cval, seg); gj != j || gp != p {
						t.Fatalf("%s lane %d b %d c %#x: got %d %v, want %d %v", op, lane, b, c, gj, gp, j, p)
					}
				}
			}
		}
	}
}
