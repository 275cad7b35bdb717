package emu_test

import (
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// integer reads bits as a number of a type.
func integer(b uint64, typ string) *big.Int {
	w := width(typ)
	v := new(big.Int).SetUint64(b & (1<<(w-1)<<1 - 1))
	if typ[0] == 's' && v.Bit(int(w-1)) == 1 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), w))
	}
	return v
}

// cut is v modulo 2^w.
func cut(v *big.Int, w uint) uint64 {
	m := new(big.Int).Lsh(big.NewInt(1), w)
	return new(big.Int).Mod(v, m).Uint64()
}

func part(op string, i int) string { return strings.Split(op, ".")[i] }

// modelArithmetic covers add, sub, mul, mad, sad, div, rem, abs, neg, min, max (PTX ISA 9.7.1).
func modelArithmetic(op string, in []uint64) result {
	typ := lastType(op)
	w := width(typ)
	var v [3]*big.Int
	for i := range in {
		v[i] = integer(in[i], typ)
	}
	r := new(big.Int)
	switch name := part(op, 0); name {
	case "add":
		r.Add(v[0], v[1])
	case "sub":
		r.Sub(v[0], v[1])
	case "mul", "mad":
		r.Mul(v[0], v[1])
		switch part(op, 1) {
		case "hi":
			r.Rsh(r, w)
		case "wide":
			w *= 2
			if name == "mad" {
				v[2] = integer(in[2], typ[:1]+strconv.Itoa(int(w)))
			}
		}
		if name == "mad" {
			r.Add(r, v[2])
		}
	case "sad":
		r.Add(v[2], r.Abs(new(big.Int).Sub(v[0], v[1])))
	case "div":
		if v[1].Sign() == 0 {
			return exact(1<<(w-1)<<1 - 1)
		}
		r.Quo(v[0], v[1])
	case "rem":
		if v[1].Sign() == 0 {
			return exact(in[0])
		}
		r.Rem(v[0], v[1])
	case "abs":
		r.Abs(v[0])
	case "neg":
		r.Neg(v[0])
	case "min", "max":
		r = v[0]
		if (v[1].Cmp(v[0]) < 0) == (name == "min") {
			r = v[1]
		}
	}
	if strings.Contains(op, ".sat") {
		top := new(big.Int).Lsh(big.NewInt(1), w-1)
		if r.Cmp(top) >= 0 {
			r.Sub(top, big.NewInt(1))
		} else if low := top.Neg(top); r.Cmp(low) < 0 {
			r = low
		}
	}
	return exact(cut(r, w))
}

// modelMul24 multiplies the lower 24 bits (PTX ISA 9.7.1.5 and 6).
func modelMul24(op string, in []uint64) result {
	low := func(b uint64) *big.Int {
		if strings.HasSuffix(op, "s32") {
			return big.NewInt(int64(b<<40) >> 40)
		}
		return big.NewInt(int64(b & 0xffffff))
	}
	p := new(big.Int).Mul(low(in[0]), low(in[1]))
	if part(op, 1) == "hi" {
		p.Rsh(p, 16)
	}
	if len(in) == 3 {
		p.Add(p, integer(in[2], lastType(op)))
	}
	return exact(cut(p, 32))
}

// modelBits covers popc, clz, brev, bfind, bfe, bfi (PTX ISA 9.7.1.14 to 20).
func modelBits(op string, in []uint64) result {
	typ := lastType(op)
	w := width(typ)
	a := in[0]
	switch part(op, 0) {
	case "popc":
		return exact(uint64(bits.OnesCount64(a)))
	case "clz":
		return exact(uint64(bits.LeadingZeros64(a)) - 64 + uint64(w))
	case "brev":
		return exact(bits.Reverse64(a) >> (64 - w))
	case "bfind":
		if typ[0] == 's' && a>>(w-1) == 1 {
			a = ^a & (1<<(w-1)<<1 - 1)
		}
		if a == 0 {
			return exact(0xffffffff)
		}
		n := uint64(bits.Len64(a) - 1)
		if strings.Contains(op, "shiftamt") {
			n = uint64(w) - 1 - n
		}
		return exact(n)
	case "bfe":
		pos, n := uint(in[1]&0xff), uint(in[2]&0xff)
		sign := uint64(0)
		if typ[0] == 's' && n > 0 {
			sign = a >> min(pos+n-1, w-1) & 1
		}
		var d uint64
		for i := range w {
			bit := sign
			if i < n && pos+i < w {
				bit = a >> (pos + i) & 1
			}
			d |= bit << i
		}
		return exact(d)
	}
	pos, n := uint(in[2]&0xff), uint(in[3]&0xff)
	d := in[1]
	for i := uint(0); i < n && pos+i < w; i++ {
		d = d&^(1<<(pos+i)) | a>>i&1<<(pos+i)
	}
	return exact(d)
}

// modelDot covers dp4a and dp2a (PTX ISA 9.7.1.23 and 24).
func modelDot(op string, in []uint64) result {
	parts := strings.Split(op, ".")
	signs := parts[len(parts)-2:]
	piece := func(b uint64, i int, size uint, typ string) int64 {
		b = b >> (uint(i) * size) & (1<<size - 1)
		if typ == "s32" {
			return int64(b<<(64-size)) >> (64 - size)
		}
		return int64(b)
	}
	sum := int64(in[2])
	if parts[0] == "dp4a" {
		for i := range 4 {
			sum += piece(in[0], i, 8, signs[0]) * piece(in[1], i, 8, signs[1])
		}
		return exact(uint64(uint32(sum)))
	}
	first := 0
	if parts[1] == "hi" {
		first = 2
	}
	for i := range 2 {
		sum += piece(in[0], i, 16, signs[0]) * piece(in[1], first+i, 8, signs[1])
	}
	return exact(uint64(uint32(sum)))
}

// modelVideo is vabsdiff4: four absolute differences of bytes, or c plus their sum (PTX ISA 9.7.16.2).
func modelVideo(op string, in []uint64) result {
	var sum, packed uint64
	for i := range 4 {
		a, b := in[0]>>(8*i)&0xff, in[1]>>(8*i)&0xff
		d := max(a, b) - min(a, b)
		sum += d
		packed |= d << (8 * i)
	}
	if has(op, "add") {
		return exact(uint64(uint32(in[2] + sum)))
	}
	return exact(packed)
}

// Carries: the condition code is set from bit 0 of the operand $e before the instruction, and read after it. The result is d plus
// the carry (borrow) times 3, so that neither can be wrong unseen.
func carryText(op string) string {
	typ := lastType(op)
	x := "%x"
	if width(typ) == 64 {
		x = "%v"
	}
	subtract := strings.HasPrefix(op, "sub")
	set, get := "and.b32 %y, $e, 1; add.cc.u32 %y, %y, 0xffffffff; ", "addc."+typ+" "+x+", 0, 0; "
	if subtract {
		set, get = "and.b32 %y, $e, 1; sub.cc.u32 %y, 0, %y; ", "subc."+typ+" "+x+", 0, 0; neg.s"+typ[1:]+" "+x+", "+x+"; "
	}
	operands := " $d, $a, $b"
	if strings.HasPrefix(op, "mad") {
		operands += ", $c"
	}
	text := set + op + operands + "; "
	if strings.Contains(op, ".cc") {
		text += get + "mad.lo." + typ + " $d, " + x + ", 3, $d;"
	}
	return text
}

func modelCarry(op string, in []uint64) result {
	typ := lastType(op)
	w := width(typ)
	carry := new(big.Int)
	if name := part(op, 0); strings.HasSuffix(name, "c") && name != "sad" {
		carry.SetUint64(in[3] & 1)
	}
	unsigned := func(b uint64) *big.Int { return new(big.Int).SetUint64(b) }
	r := new(big.Int)
	borrow := false
	switch part(op, 0) {
	case "add", "addc":
		r.Add(unsigned(in[0]), unsigned(in[1]))
		r.Add(r, carry)
	case "sub", "subc":
		r.Sub(unsigned(in[0]), unsigned(in[1]))
		r.Sub(r, carry)
		borrow = r.Sign() < 0
	default:
		p := new(big.Int).Mul(integer(in[0], typ), integer(in[1], typ))
		if part(op, 1) == "hi" {
			p.Rsh(p, w)
		}
		r.Add(unsigned(cut(p, w)), unsigned(in[2]))
		r.Add(r, carry)
	}
	d := cut(r, w)
	if strings.Contains(op, ".cc") && (borrow || r.BitLen() > int(w) && r.Sign() > 0) {
		d = cut(new(big.Int).SetUint64(d+3), w)
	}
	return exact(d)
}

// modelLogic covers and, or, xor, not, cnot, shl, shr, shf (PTX ISA 9.7.7).
func modelLogic(op string, in []uint64) result {
	typ := lastType(op)
	w := width(typ)
	mask := uint64(1)<<(w-1)<<1 - 1
	a := in[0]
	switch part(op, 0) {
	case "and":
		return exact(a & in[1])
	case "or":
		return exact(a | in[1])
	case "xor":
		return exact(a ^ in[1])
	case "not":
		return exact(^a & mask)
	case "cnot":
		if a == 0 {
			return exact(1)
		}
		return exact(0)
	case "shl":
		return exact(cut(new(big.Int).Lsh(new(big.Int).SetUint64(a), min(uint(in[1]), 200)), w))
	case "shr":
		return exact(cut(new(big.Int).Rsh(integer(a, typ), min(uint(in[1]), 200)), w))
	}
	n := uint(in[2])
	if part(op, 2) == "wrap" {
		n &= 31
	} else {
		n = min(n, 32)
	}
	pair := a | in[1]<<32
	if part(op, 1) == "l" {
		return exact(new(big.Int).Rsh(new(big.Int).Lsh(new(big.Int).SetUint64(pair), n), 32).Uint64() & mask)
	}
	return exact(pair >> n & mask)
}

// lop3 is the instruction with one truth table (PTX ISA 9.7.7.6).
func lop3(lut uint64) semantic {
	return semantic{patterns: []string{"lop3.b32"}, dst: "b32", src: []string{"b32", "b32", "b32"},
		text: func(op string) string { return op + " $d, $a, $b, $c, " + strconv.Itoa(int(lut)) + ";" },
		model: func(_ string, in []uint64) result {
			var d uint64
			for i := range 32 {
				d |= lut >> (in[0]>>i&1<<2 | in[1]>>i&1<<1 | in[2]>>i&1) & 1 << i
			}
			return exact(d)
		}}
}

// modelPrmt selects bytes (PTX ISA 9.7.8.7).
func modelPrmt(op string, in []uint64) result {
	pair := in[0] | in[1]<<32
	c := in[2]
	var sel [4]uint64
	three := c & 3
	for i := range uint64(4) {
		switch mode := strings.TrimPrefix(op, "prmt.b32"); mode {
		case "":
			sel[i] = c >> (4 * i) & 15
		case ".f4e":
			sel[i] = three + i
		case ".b4e":
			sel[i] = (three - i) & 7
		case ".rc8":
			sel[i] = three
		case ".ecl":
			sel[i] = max(three, i)
		case ".ecr":
			sel[i] = min(three, i)
		case ".rc16":
			sel[i] = three&1*2 + i&1
		}
	}
	var d uint64
	for i, s := range sel {
		b := pair >> (8 * (s & 7)) & 0xff
		if s&8 != 0 {
			b = b >> 7 * 0xff
		}
		d |= b << (8 * i)
	}
	return exact(d)
}

func TestIntegerSemantics(t *testing.T) { runSemantics(t, integerTable()) }

func integerTable() []semantic {
	wide := func(from, to string) []semantic {
		return []semantic{
			{patterns: []string{"mul.wide." + from}, dst: to, src: []string{from, from}, model: modelArithmetic},
			{patterns: []string{"mad.wide." + from}, dst: to, src: []string{from, from, to}, model: modelArithmetic},
		}
	}
	table := slices.Concat(wide("u16", "u32"), wide("s16", "s32"), wide("u32", "u64"), wide("s32", "s64"), []semantic{
		{patterns: []string{"{add|sub}.{u16|u32|u64|s16|s32|s64}", "{add|sub}.sat.s32", "mul.{lo|hi}.{u16|u32|u64|s16|s32|s64}",
			"{div|rem}.{u16|u32|u64|s16|s32|s64}", "{min|max}.{u16|u32|u64|s16|s32|s64}"}, src: []string{"T", "T"}, model: modelArithmetic},
		{patterns: []string{"mad.{lo|hi}.{u16|u32|u64|s16|s32|s64}", "sad.{u16|u32|u64|s16|s32|s64}"}, src: []string{"T", "T", "T"}, model: modelArithmetic},
		{patterns: []string{"{abs|neg}.{s16|s32|s64}"}, src: []string{"T"}, model: modelArithmetic},
		{patterns: []string{"mul24.{lo|hi}.{u32|s32}"}, src: []string{"T", "T"}, model: modelMul24},
		{patterns: []string{"mad24.{lo|hi}.{u32|s32}"}, src: []string{"T", "T", "T"}, model: modelMul24},
		{patterns: []string{"{popc|clz}.{b32|b64}"}, dst: "u32", src: []string{"T"}, model: modelBits},
		{patterns: []string{"brev.{b32|b64}"}, src: []string{"T"}, model: modelBits},
		{patterns: []string{"bfind{.shiftamt|}.{u32|u64|s32|s64}"}, dst: "u32", src: []string{"T"}, model: modelBits},
		{patterns: []string{"bfe.{u32|u64|s32|s64}"}, src: []string{"T", "shift", "shift"}, model: modelBits},
		{patterns: []string{"bfi.{b32|b64}"}, src: []string{"T", "T", "shift", "shift"}, model: modelBits},
		{patterns: []string{"dp4a{.u32|.s32}{.u32|.s32}", "dp2a{.lo|.hi}{.u32|.s32}{.u32|.s32}"}, dst: "u32", src: []string{"u32", "u32", "u32"}, model: modelDot},
		{patterns: []string{"vabsdiff4.u32.u32.u32{.add|}"}, dst: "u32", src: []string{"u32", "u32", "u32"}, model: modelVideo},
		{patterns: []string{"{add|sub}.cc.{u32|s32|u64|s64}", "{addc|subc}{.cc|}.{u32|s32|u64|s64}", "mad{.lo|.hi}.cc.{u32|s32|u64|s64}", "madc{.lo|.hi}{.cc|}.{u32|s32|u64|s64}"},
			src: []string{"T", "T", "T", "u32"}, text: carryText, model: modelCarry},
		{patterns: []string{"{and|or|xor}.{pred|b16|b32|b64}"}, src: []string{"T", "T"}, model: modelLogic},
		{patterns: []string{"not.{pred|b16|b32|b64}", "cnot.{b16|b32|b64}"}, src: []string{"T"}, model: modelLogic},
		{patterns: []string{"shl.{b16|b32|b64}", "shr.{b16|b32|b64|u16|u32|u64|s16|s32|s64}"}, src: []string{"T", "shift"}, model: modelLogic},
		{patterns: []string{"shf.{l|r}.{wrap|clamp}.b32"}, src: []string{"T", "T", "shift"}, model: modelLogic},
		{patterns: []string{"prmt.b32{.f4e|.b4e|.rc8|.ecl|.ecr|.rc16|}"}, dst: "b32", src: []string{"b32", "b32", "b32"}, model: modelPrmt},
	})
	for _, lut := range []uint64{0xf0, 0xcc, 0xaa, 0xfe, 0x80, 0x96, 0xe8, 0x1b, 0x00, 0xff, 0x3a} {
		table = append(table, lop3(lut))
	}
	return table
}
