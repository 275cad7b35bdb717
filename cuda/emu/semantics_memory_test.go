package emu_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// Memory instructions work on the 32 bytes of a thread's own operands, at %in, or on a copy of them in shared or local memory.
// Values of several elements or words are added up with these weights.
var weights = []uint64{1, 3, 5, 7}

// spaceOf is the state space in an opcode, "" for generic addresses.
func spaceOf(op string) string {
	for _, s := range []string{"global", "shared", "local", "const", "param"} {
		if has(op, s) || has(op, s+"::cta") {
			return s
		}
	}
	return ""
}

func vectorOf(op string) int {
	switch {
	case has(op, "v4"):
		return 4
	case has(op, "v2"):
		return 2
	}
	return 1
}

// place copies the operands $a, $b, $c, $e to the opcode's space and returns the code and the address.
func place(space string) (code, address string) {
	store := func(space, base string) string {
		return fmt.Sprintf("st.%s.v2.u64 [%s], {$a, $b}; st.%s.v2.u64 [%s+16], {$c, $e};\n", space, base, space, base)
	}
	switch space {
	case "shared":
		return ".shared .align 16 .b8 tile[16384]; mov.u32 %x, tile; mad.lo.u32 %x, %i, 32, %x;\n" + store("shared", "%x"), "%x"
	case "const":
		return "", "constants"
	case "local":
		return ".local .align 16 .b8 own[32];\n" + store("local", "own"), "own"
	case "param":
		return ".param .align 16 .b8 own[32];\n" + store("param", "own"), "own"
	}
	return "", "%in"
}

// collect adds up the four words at an address in $d.
func collect(space, address string) string {
	if space == "" {
		space = "global"
	}
	var b strings.Builder
	b.WriteString("mov.u64 $d, 0;\n")
	for i, w := range weights {
		fmt.Fprintf(&b, "ld.%s.u64 %%v, [%s+%d]; mad.lo.u64 $d, %%v, %d, $d;\n", space, address, 8*i, w)
	}
	return b.String()
}

// loadText loads into registers of 64 bits, or of the type's size for floats, and adds up.
func loadText(op string) string {
	code, address := place(spaceOf(op))
	n := vectorOf(op)
	reg := []string{"%d5", "%d6", "%d7", "%d8"}
	if lastType(op) == "f32" {
		reg = []string{"%r5", "%r6", "%r7", "%r8"}
	}
	list := strings.Join(reg[:n], ", ")
	if n > 1 {
		list = "{" + list + "}"
	}
	code += fmt.Sprintf("%s %s, [%s];\nmov.u64 $d, 0;\n", op, list, address)
	for i := range n {
		if lastType(op) == "f32" {
			code += fmt.Sprintf("cvt.u64.u32 %%v, %s;", reg[i])
		} else {
			code += fmt.Sprintf("mov.b64 %%v, %s;", reg[i])
		}
		code += fmt.Sprintf("mad.lo.u64 $d, %%v, %d, $d;\n", weights[i])
	}
	return code
}

func operandBytes(in []uint64) []byte {
	b := make([]byte, 32)
	for i, w := range in {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return b
}

func wordSum(b []byte) uint64 {
	var sum uint64
	for i, w := range weights {
		sum += w * binary.LittleEndian.Uint64(b[8*i:])
	}
	return sum
}

// modelLoad extends elements by their sign or with zeros (PTX ISA 9.4.1, 9.7.8.8).
func modelLoad(op string, in []uint64) result {
	typ := lastType(op)
	size := int(width(typ) / 8)
	b := operandBytes(in)
	var sum uint64
	for i := range vectorOf(op) {
		var v uint64
		for k := range size {
			v |= uint64(b[i*size+k]) << (8 * k)
		}
		if typ[0] == 's' {
			v = cut(integer(v, typ), 64)
		}
		sum += weights[i] * v
	}
	return exact(sum)
}

// constantBytes is what the constant variable of the kernels' module holds.
var constantBytes = make1(32, func(i int) byte { return byte(i*37 + 200) })

// constantDecl declares it.
func constantDecl() string {
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(constantBytes), " ", ", "), "[]")
	return ".const .align 16 .b8 constants[32] = {" + list + "};\n"
}

// modelLoadConst loads from the start of constantBytes.
func modelLoadConst(op string, _ []uint64) result {
	in := make([]uint64, 4)
	for i := range in {
		in[i] = binary.LittleEndian.Uint64(constantBytes[8*i:])
	}
	return modelLoad(op, in)
}

// storeText stores the operands in reverse order and adds up what the memory holds then.
func storeText(op string) string {
	space := spaceOf(op)
	code, address := place(space)
	reg := []string{"$e", "$c", "$b", "$a"}
	if lastType(op) == "f32" {
		for i, r := range reg {
			reg[i] = fmt.Sprintf("%%r%d", 5+i)
			code += fmt.Sprintf("cvt.u32.u64 %s, %s;\n", reg[i], r)
		}
	}
	n := vectorOf(op)
	list := strings.Join(reg[:n], ", ")
	if n > 1 {
		list = "{" + list + "}"
	}
	return code + fmt.Sprintf("%s [%s], %s;\n", op, address, list) + collect(space, address)
}

func modelStore(op string, in []uint64) result {
	size := int(width(lastType(op)) / 8)
	b := operandBytes(in)
	for i := range vectorOf(op) {
		for k := range size {
			b[i*size+k] = byte(in[3-i] >> (8 * k))
		}
	}
	return exact(wordSum(b))
}

// atomText leaves the new value in $d, or a mark if the instruction returned something other than the old one.
func atomText(op string) string {
	typ := lastType(op)
	w := width(typ)
	space := spaceOf(op)
	code, address := place(space)
	reg := map[uint]string{16: "%h", 32: "%r", 64: "%d"}[w]
	for i, r := range []string{"$a", "$b", "$c"} {
		code += fmt.Sprintf("cvt.u%d.u64 %s%d, %s;\n", w, reg, 5+i, r)
	}
	code = strings.ReplaceAll(code, "cvt.u64.u64", "mov.b64")
	operands := fmt.Sprintf("[%s], %s6", address, reg)
	if has(op, "cas") {
		operands += fmt.Sprintf(", %s7", reg)
	}
	if strings.HasPrefix(op, "red") {
		code += op + " " + operands + ";\n"
	} else {
		code += fmt.Sprintf("%s %s8, %s;\nsetp.ne.b%d %%p8, %s8, %s5;\n", op, reg, operands, w, reg, reg)
	}
	if space == "" {
		space = "global"
	}
	code += fmt.Sprintf("ld.%s.u%d $d, [%s];\n", space, w, address)
	if strings.HasPrefix(op, "atom") {
		code += "@%p8 mov.u64 $d, 0xbad0bad0bad0bad;\n"
	}
	return code
}

// modelAtom is the new value (PTX ISA 9.7.12.4).
func modelAtom(op string, in []uint64) result {
	typ := lastType(op)
	w := width(typ)
	mask := uint64(1)<<(w-1)<<1 - 1
	old, b, c := in[0]&mask, in[1]&mask, in[2]&mask
	switch {
	case has(op, "and"):
		return exact(old & b)
	case has(op, "or"):
		return exact(old | b)
	case has(op, "xor"):
		return exact(old ^ b)
	case has(op, "exch"):
		return exact(b)
	case has(op, "cas"):
		if old == b {
			return exact(c)
		}
		return exact(old)
	case has(op, "inc"):
		if old >= b {
			return exact(0)
		}
		return exact(old + 1)
	case has(op, "dec"):
		if old == 0 || old > b {
			return exact(b)
		}
		return exact(old - 1)
	case has(op, "min"), has(op, "max"):
		if (integer(b, typ).Cmp(integer(old, typ)) < 0) == has(op, "min") {
			return exact(b)
		}
		return exact(old)
	case !isFloat(typ):
		return exact(cut(new(big.Int).SetUint64(old+b), w))
	}
	return modelAtomAdd(op, typ, old, b)
}

// modelAtomAdd is add in floating point: single precision flushes subnormal numbers in global memory only.
func modelAtomAdd(op, typ string, old, b uint64) result {
	base := strings.TrimSuffix(typ, "x2")
	f := formats[base]
	if base != typ {
		return both([]uint64{old, b}, func(in []uint64) result { return finish(f, "", f.add(in[0], in[1], "rn"), true) })
	}
	if typ == "f32" && spaceOf(op) != "shared" {
		r := f.flush(f.add(f.flush(old), f.flush(b), "rn"))
		return finish(f, "", r, false)
	}
	return finish(f, "", f.add(old, b, "rn"), f.width() == 16)
}

// asyncText copies 4, 8 or 16 bytes of the operands into zeroed shared memory after 0xff; with a source size, the rest is zero.
func asyncText(size int, partial bool) func(op string) string {
	return func(op string) string {
		operands := fmt.Sprintf("[%%x], [%%in], %d", size)
		code := ".shared .align 16 .b8 tile[16384]; mov.u32 %x, tile; mad.lo.u32 %x, %i, 32, %x; mov.u64 %v, -1;\n" +
			"st.shared.v2.u64 [%x], {%v, %v}; st.shared.v2.u64 [%x+16], {%v, %v};\n"
		if partial {
			code += fmt.Sprintf("cvt.u32.u64 %%y, $e; rem.u32 %%y, %%y, %d;\n", size+1)
			operands += ", %y"
		}
		return code + op + " " + operands + "; cp.async.commit_group; cp.async.wait_group 0;\n" + collect("shared", "%x")
	}
}

func asyncModel(size int, partial bool) func(op string, in []uint64) result {
	return func(_ string, in []uint64) result {
		b := slices.Repeat([]byte{0xff}, 32)
		n := size
		if partial {
			n = int(uint32(in[3]) % uint32(size+1))
		}
		clear(b[:size])
		copy(b[:n], operandBytes(in))
		return exact(wordSum(b))
	}
}

const memoryTypes = "{b8|b16|b32|b64|u8|u16|u32|u64|s8|s16|s32|s64|f32|f64}"

func memoryTable() []semantic {
	words := []string{"u64", "u64", "u64", "u64"}
	load := func(patterns ...string) semantic {
		return semantic{patterns: patterns, dst: "u64", src: words, text: loadText, model: modelLoad, sparse: 61}
	}
	store := func(patterns ...string) semantic {
		return semantic{patterns: patterns, dst: "u64", src: words, text: storeText, model: modelStore, sparse: 61}
	}
	table := []semantic{
		{patterns: []string{"ld{.weak|}.const{.v2|.v4|}." + memoryTypes}, dst: "u64", src: words, text: loadText, model: modelLoadConst, sparse: 7},
		load("ld{.weak|}{.global|.local|}{.ca|.cg|.cs|.lu|.cv|}{.v2|.v4|}."+memoryTypes, "ld{.weak|}{.shared|.param}{.v2|.v4|}."+memoryTypes,
			"ld.volatile{.global|.shared|}{.v2|.v4|}."+memoryTypes, "ld{.relaxed|.acquire}{.cta|.gpu|.sys}{.global|.shared|}{.v2|.v4|}."+memoryTypes,
			"ld.global{.ca|.cg|.cs|}.nc{.L1::evict_normal|.L1::evict_first|.L1::evict_last|.L1::no_allocate|}{.L2::64B|.L2::128B|.L2::256B|}{.v2|.v4|}."+memoryTypes,
			"ldu.global{.v2|.v4|}."+memoryTypes),
		store("st{.weak|}{.global|.local|}{.wb|.cg|.cs|.wt|}{.v2|.v4|}."+memoryTypes, "st{.weak|}{.shared|.param}{.v2|.v4|}."+memoryTypes,
			"st.volatile{.global|.shared|}{.v2|.v4|}."+memoryTypes, "st{.relaxed|.release}{.cta|.gpu|.sys}{.global|.shared|}{.v2|.v4|}."+memoryTypes),
	}
	for size := 4; size <= 16; size *= 2 {
		for _, partial := range []bool{false, true} {
			p := []string{"cp.async.ca.shared{::cta|}.global{.L2::64B|.L2::128B|.L2::256B|}"}
			if size == 16 {
				p = append(p, "cp.async.cg.shared{::cta|}.global{.L2::64B|.L2::128B|.L2::256B|}")
			}
			table = append(table, semantic{patterns: p, dst: "u64", src: words, text: asyncText(size, partial), model: asyncModel(size, partial)})
		}
	}
	for _, typ := range []string{"b16", "b32", "b64", "u32", "s32", "u64", "s64", "f32", "f64", "f16", "f16x2", "bf16", "bf16x2"} {
		table = append(table, semantic{
			patterns: []string{"atom{.relaxed|.acquire|.release|.acq_rel|}{.cta|.gpu|.sys|}{.global|.shared|}.{and|or|xor|exch|cas|add|add.noftz|inc|dec|min|max}." + typ,
				"atom.{and|or|xor|exch|cas|add|min|max}{.relaxed|.acquire|.release|.acq_rel}{.cta|.gpu|.sys}." + typ,
				"atom{.global|.shared}{.cta|.gpu|.sys}.{and|or|xor|exch|cas|add|inc|dec|min|max}." + typ,
				"red{.global|.shared}{.cta|.gpu|.sys}.{and|or|xor|add|inc|dec|min|max}." + typ,
				"red{.relaxed|.release|}{.cta|.gpu|.sys|}{.global|.shared|}.{and|or|xor|add|add.noftz|inc|dec|min|max}." + typ},
			dst: "u64", src: []string{atomOperand(typ), atomOperand(typ), atomOperand(typ), "u64"}, text: atomText, model: modelAtom, sparse: 7})
	}
	table = dropMissing(table)
	for i := range table { // no access is wider than 16 bytes
		table[i].patterns = slices.DeleteFunc(table[i].patterns, func(op string) bool { return has(op, "v4") && width(lastType(op)) == 64 })
	}
	return table
}

// atomOperand widens the operands of an atomic, so that they can be placed in memory as words.
func atomOperand(typ string) string { return "wide " + typ }

func TestMemorySemantics(t *testing.T) { runSemantics(t, memoryTable()) }
