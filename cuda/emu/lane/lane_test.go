package lane

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/unnoise/unnoise/cuda/emu/num"
)

// reference is an instruction for one thread, by plain Go.
type reference struct {
	widths string // of a, b and c: 4, 8, or p for a predicate
	result byte
	of     func(a, b, c uint64) uint64
}

func f32(a uint64) float32 { return math.Float32frombits(uint32(a)) }

func bits32(x float32) uint64 {
	if x != x {
		return 0x7fffffff
	}
	return uint64(math.Float32bits(x))
}

func float2(f func(a, b float32) float32) reference {
	return reference{"44", '4', func(a, b, _ uint64) uint64 { return bits32(f(f32(a), f32(b))) }}
}

func float1(f func(a float64) float64) reference {
	return reference{"4", '4', func(a, _, _ uint64) uint64 { return bits32(float32(f(float64(f32(a))))) }}
}

func int2(f func(a, b uint32) uint32) reference {
	return reference{"44", '4', func(a, b, _ uint64) uint64 { return uint64(f(uint32(a), uint32(b))) }}
}

func long2(f func(a, b uint64) uint64) reference {
	return reference{"88", '8', func(a, b, _ uint64) uint64 { return f(a, b) }}
}

func relation(f func(a, b uint32) bool) reference {
	return reference{"44", 'p', func(a, b, _ uint64) uint64 {
		if f(uint32(a), uint32(b)) {
			return 1
		}
		return 0
	}}
}

func relationF32(f func(a, b float32) bool) reference {
	return relation(func(a, b uint32) bool { return f(f32(uint64(a)), f32(uint64(b))) })
}

func unordered(a, b float32) bool { return a != a || b != b }

func flushed(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

// orderedMin is min with -0 below +0 that prefers numbers to NaN.
func orderedMin(a, b float32) float32 {
	if a != a {
		return b
	}
	if b != b {
		return a
	}
	return min(a, b)
}

var floatReferences = map[string]reference{
	"add.f32": float2(func(a, b float32) float32 { return a + b }), "sub.f32": float2(func(a, b float32) float32 { return a - b }),
	"mul.f32": float2(func(a, b float32) float32 { return a * b }), "div.rn.f32": float2(func(a, b float32) float32 { return a / b }),
	"fma.rn.f32": {"444", '4', func(a, b, c uint64) uint64 { return bits32(num.FMA(f32(a), f32(b), f32(c))) }},
	"fma.rm.f32": {"444", '4', func(a, b, c uint64) uint64 { return bits32(num.FMAMode(f32(a), f32(b), f32(c), num.RM)) }},
	"min.f32":    float2(orderedMin), "max.f32": float2(func(a, b float32) float32 { return -orderedMin(-a, -b) }),
	"neg.f32": float1(func(a float64) float64 { return -a }), "abs.f32": float1(math.Abs), "sqrt.rn.f32": float1(math.Sqrt),
	"rcp.rn.f32":      float1(func(a float64) float64 { return 1 / a }),
	"cvt.rni.f32.f32": float1(math.RoundToEven), "cvt.rmi.f32.f32": float1(math.Floor), "cvt.rpi.f32.f32": float1(math.Ceil), "cvt.rzi.f32.f32": float1(math.Trunc),
	"cvt.sat.f32.f32": float1(func(a float64) float64 {
		if !(a > 0) {
			return 0
		}
		return min(a, 1)
	}),
	"ex2.approx.f32":     {"4", '4', func(a, _, _ uint64) uint64 { return bits32(num.Ex2(f32(a))) }},
	"ex2.approx.ftz.f32": {"4", '4', func(a, _, _ uint64) uint64 { return bits32(flushed(num.Ex2(flushed(f32(a))))) }},
	"cvt.rn.f32.s32":     {"4", '4', func(a, _, _ uint64) uint64 { return bits32(float32(int32(a))) }},
	"cvt.rn.f32.u32":     {"4", '4', func(a, _, _ uint64) uint64 { return bits32(float32(uint32(a))) }},
	"setp.eq.f32":        relationF32(func(a, b float32) bool { return a == b }),
	"setp.ne.f32":        relationF32(func(a, b float32) bool { return a != b && !unordered(a, b) }),
	"setp.lt.f32":        relationF32(func(a, b float32) bool { return a < b }), "setp.le.f32": relationF32(func(a, b float32) bool { return a <= b }),
	"setp.gt.f32": relationF32(func(a, b float32) bool { return a > b }), "setp.ge.f32": relationF32(func(a, b float32) bool { return a >= b }),
	"setp.equ.f32": relationF32(func(a, b float32) bool { return a == b || unordered(a, b) }),
	"setp.neu.f32": relationF32(func(a, b float32) bool { return a != b }),
	"setp.ltu.f32": relationF32(func(a, b float32) bool { return !(a >= b) }), "setp.leu.f32": relationF32(func(a, b float32) bool { return !(a > b) }),
	"setp.gtu.f32": relationF32(func(a, b float32) bool { return !(a <= b) }), "setp.geu.f32": relationF32(func(a, b float32) bool { return !(a < b) }),
	"setp.num.f32": relationF32(func(a, b float32) bool { return !unordered(a, b) }), "setp.nan.f32": relationF32(unordered),
}

var integerReferences = map[string]reference{
	"add.s32": int2(func(a, b uint32) uint32 { return a + b }), "sub.s32": int2(func(a, b uint32) uint32 { return a - b }),
	"mul.lo.s32": int2(func(a, b uint32) uint32 { return a * b }),
	"mad.lo.s32": {"444", '4', func(a, b, c uint64) uint64 { return uint64(uint32(a*b + c)) }},
	"mul.hi.u32": int2(func(a, b uint32) uint32 { h, _ := bits.Mul32(a, b); return h }),
	"and.b32":    int2(func(a, b uint32) uint32 { return a & b }), "or.b32": int2(func(a, b uint32) uint32 { return a | b }),
	"xor.b32": int2(func(a, b uint32) uint32 { return a ^ b }),
	"min.s32": int2(func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) }),
	"max.s32": int2(func(a, b uint32) uint32 { return uint32(max(int32(a), int32(b))) }),
	"min.u32": int2(func(a, b uint32) uint32 { return min(a, b) }), "max.u32": int2(func(a, b uint32) uint32 { return max(a, b) }),
	"shl.b32": int2(func(a, b uint32) uint32 { return a << b }), "shr.u32": int2(func(a, b uint32) uint32 { return a >> b }),
	"shr.s32": int2(func(a, b uint32) uint32 { return uint32(int32(a) >> b) }),
	"add.s64": long2(func(a, b uint64) uint64 { return a + b }), "sub.s64": long2(func(a, b uint64) uint64 { return a - b }),
	"shl.b64":      {"84", '8', func(a, b, _ uint64) uint64 { return a << uint32(b) }},
	"shr.u64":      {"84", '8', func(a, b, _ uint64) uint64 { return a >> uint32(b) }},
	"mul.wide.s32": {"44", '8', func(a, b, _ uint64) uint64 { return uint64(int64(int32(a)) * int64(int32(b))) }},
	"mul.wide.u32": {"44", '8', func(a, b, _ uint64) uint64 { return a * b }},
	"mad.wide.s32": {"448", '8', func(a, b, c uint64) uint64 { return uint64(int64(int32(a))*int64(int32(b))) + c }},
	"mad.wide.u32": {"448", '8', func(a, b, c uint64) uint64 { return a*b + c }},
	"cvt.s64.s32":  {"4", '8', func(a, _, _ uint64) uint64 { return uint64(int64(int32(a))) }},
	"cvt.u64.u32":  {"4", '8', func(a, _, _ uint64) uint64 { return a }},
	"cvt.u32.u64":  {"8", '4', func(a, _, _ uint64) uint64 { return uint64(uint32(a)) }},
	"selp.b32": {"44p", '4', func(a, b, c uint64) uint64 {
		if c != 0 {
			return a
		}
		return b
	}},
	"cvt.rn.bf16.f32": {"4", '4', func(a, _, _ uint64) uint64 { return uint64(num.F32ToBF16(f32(a))) }},
	"cvt.rn.bf16x2.f32": {"44", '4', func(a, b, _ uint64) uint64 {
		return uint64(num.F32ToBF16(f32(a)))<<16 | uint64(num.F32ToBF16(f32(b)))
	}},
	"pack.b16":    {"44", '4', func(a, b, _ uint64) uint64 { return a&0xffff | b&0xffff<<16 }},
	"setp.eq.s32": relation(func(a, b uint32) bool { return a == b }), "setp.ne.s32": relation(func(a, b uint32) bool { return a != b }),
	"setp.lt.s32": relation(func(a, b uint32) bool { return int32(a) < int32(b) }), "setp.le.s32": relation(func(a, b uint32) bool { return int32(a) <= int32(b) }),
	"setp.gt.s32": relation(func(a, b uint32) bool { return int32(a) > int32(b) }), "setp.ge.s32": relation(func(a, b uint32) bool { return int32(a) >= int32(b) }),
	"setp.lt.u32": relation(func(a, b uint32) bool { return a < b }), "setp.le.u32": relation(func(a, b uint32) bool { return a <= b }),
	"setp.gt.u32": relation(func(a, b uint32) bool { return a > b }), "setp.ge.u32": relation(func(a, b uint32) bool { return a >= b }),
}

// aliases have the body of another instruction.
var aliases = map[string]string{
	"add.rn.f32": "add.f32", "sub.rn.f32": "sub.f32", "mul.rn.f32": "mul.f32", "shr.b32": "shr.u32", "shr.b64": "shr.u64", "cvt.s32.s64": "cvt.u32.u64",
	"selp.f32": "selp.b32", "selp.s32": "selp.b32", "selp.u32": "selp.b32", "setp.eq.b32": "setp.eq.s32", "setp.ne.b32": "setp.ne.s32",
}

// find returns the reference of an opcode; where signs do not matter that of the signed form.
func find(opcode string) (reference, bool) {
	if a := aliases[opcode]; a != "" {
		opcode = a
	}
	for _, name := range []string{opcode, strings.Replace(strings.Replace(opcode, ".u32", ".s32", 1), ".u64", ".s64", 1)} {
		if r, ok := floatReferences[name]; ok {
			return r, true
		}
		if r, ok := integerReferences[name]; ok {
			return r, true
		}
	}
	return reference{}, false
}

// values are special and random words, wide ones in both halves.
func values(r *rand.Rand) uint64 {
	special := []uint32{0, 1, 31, 32, 33, 63, 64, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000,
		0x7fc00001, 0xffa00000, 0x00000007, 0x807fffff, 0x00800000, 0x7f7fffff, 0x42fe0000, 0xc3180000, 0x447a0000}
	pick := func() uint32 {
		switch r.IntN(4) {
		case 0:
			return special[r.IntN(len(special))]
		case 1:
			return r.Uint32() >> r.IntN(32)
		case 2:
			return math.Float32bits(float32(r.NormFloat64() * 20))
		}
		return r.Uint32()
	}
	return uint64(pick())<<32 | uint64(pick())
}

// register holds 32 lanes with guard words on both sides.
type register struct{ words [32 + 2*8]uint64 }

func (g *register) pointer() unsafe.Pointer { return unsafe.Pointer(&g.words[8]) }

func (g *register) get(width byte, lane int) uint64 {
	switch width {
	case '4':
		return uint64((*[32]uint32)(g.pointer())[lane])
	case '8':
		return g.words[8+lane]
	}
	return g.words[8] >> lane & 1
}

func (g *register) fill(r *rand.Rand) {
	for i := range g.words {
		g.words[i] = values(r)
	}
}

func TestBodies(t *testing.T) {
	if bodies == nil {
		t.Skip("this machine runs the portable code")
	}
	for opcode, body := range bodies {
		ref, ok := find(opcode)
		if !ok {
			t.Errorf("%s has no reference", opcode)
			continue
		}
		r := rand.New(rand.NewPCG(7, 7))
		for round := range 300 {
			var g [4]register
			for i := range g {
				g[i].fill(r)
			}
			before := g
			d := &g[0]
			if round%3 == 1 && ref.widths[0] == ref.result {
				d = &g[1] // the destination is a source, as in add %r1, %r1, %r2
			}
			body(d.pointer(), g[1].pointer(), g[2].pointer(), g[3].pointer())
			if !agrees(t, opcode, ref, &before, d) || !guarded(t, opcode, ref, &before, &g, d) {
				break
			}
		}
	}
}

// agrees compares 32 lanes with the reference.
func agrees(t *testing.T, opcode string, ref reference, before *[4]register, d *register) bool {
	for i := range 32 {
		var x [3]uint64
		for j := range ref.widths {
			x[j] = before[1+j].get(ref.widths[j], i)
		}
		if got, want := d.get(ref.result, i), ref.of(x[0], x[1], x[2]); got != want {
			t.Errorf("%s(%#x, %#x, %#x) = %#x, want %#x", opcode, x[0], x[1], x[2], got, want)
			return false
		}
	}
	return true
}

// guarded checks that nothing but the destination was written.
func guarded(t *testing.T, opcode string, ref reference, before, after *[4]register, d *register) bool {
	size := map[byte]int{'4': 16, '8': 32, 'p': 1}[ref.result]
	for i := range after {
		for k, v := range after[i].words {
			inside := &after[i] == d && k >= 8 && k < 8+size
			if v != before[i].words[k] && !inside {
				t.Errorf("%s wrote word %d of register %d", opcode, k-8, i)
				return false
			}
		}
	}
	if ref.result == 'p' && d.words[8]>>32 != before[0].words[8]>>32 {
		t.Errorf("%s wrote more than 32 bits of a predicate", opcode)
		return false
	}
	return true
}

// TestMultiplyBF16 places the fragments as the PTX ISA does (figures of mma.m16n8k16): g = lane / 4, t = lane % 4.
func TestMultiplyBF16(t *testing.T) {
	if MultiplyBF16 == nil {
		t.Skip("this machine runs the portable code")
	}
	r := rand.New(rand.NewPCG(8, 8))
	for round := range 200 {
		var g [14]register
		for i := range g {
			g[i].fill(r)
			if round%4 != 0 { // bfloat16 near 1 for A and B, float32 for C
				for j := range g[i].words {
					g[i].words[j] = uint64(math.Float32bits(float32(r.NormFloat64()))) * 0x100010001 &^ 0x00010001
				}
			}
		}
		before := g
		var p [14]unsafe.Pointer
		for i := range p {
			p[i] = g[i].pointer()
		}
		if round%2 == 0 { // D is C, as nearly always
			copy(p[:4], p[10:])
		}
		half := func(register, lane, which int) float32 {
			return f32(before[register].get('4', lane) >> (16 * which) << 16)
		}
		MultiplyBF16(&p, new(Scratch))
		for i := range 16 {
			for n := range 8 {
				word, lane := i/8*2+n%2, i%8*4+n/2
				sum := f32(before[10+word].get('4', lane))
				for k := range 16 {
					sum += float32(half(4+k/8*2+i/8, i%8*4+k%8/2, k%2) * half(8+k/8, n*4+k%8/2, k%2))
				}
				got := uint64((*[32]uint32)(p[word])[lane])
				if want := bits32(sum); got != want {
					t.Fatalf("round %d: row %d column %d = %#x, want %#x", round, i, n, got, want)
				}
			}
		}
	}
}

func BenchmarkMultiplyBF16(b *testing.B) {
	if MultiplyBF16 == nil {
		b.Skip("this machine runs the portable code")
	}
	var g [14]register
	var p [14]unsafe.Pointer
	for i := range p {
		p[i] = g[i].pointer()
	}
	scratch := new(Scratch)
	for range b.N {
		MultiplyBF16(&p, scratch)
	}
}

func BenchmarkBodies(b *testing.B) {
	for _, opcode := range []string{"add.f32", "fma.rn.f32", "fma.rm.f32", "mul.hi.u32", "setp.lt.f32", "selp.b32", "ex2.approx.ftz.f32", "mul.wide.s32"} {
		body := Of(opcode)
		if body == nil {
			b.Skip("this machine runs the portable code")
		}
		b.Run(opcode, func(b *testing.B) {
			var g [4]register
			for range b.N {
				body(g[0].pointer(), g[1].pointer(), g[2].pointer(), g[3].pointer())
			}
		})
	}
}
