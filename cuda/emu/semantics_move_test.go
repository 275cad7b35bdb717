package emu_test

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
)

// compareNumbers is a comparison operator on float64 values, NaN included (PTX ISA 9.3, comparison operators).
func compareNumbers(cmp string, a, b float64) bool {
	nan := math.IsNaN(a) || math.IsNaN(b)
	switch cmp {
	case "num":
		return !nan
	case "nan":
		return nan
	}
	unordered := len(cmp) == 3
	if nan {
		return unordered
	}
	switch cmp[:2] {
	case "eq":
		return a == b
	case "ne":
		return a != b
	case "lt":
		return a < b
	case "le":
		return a <= b
	case "gt":
		return a > b
	}
	return a >= b
}

// compareIntegers includes the unsigned operators lo, ls, hi, hs.
func compareIntegers(cmp string, a, b *big.Int) bool {
	c := a.Cmp(b)
	switch cmp {
	case "eq":
		return c == 0
	case "ne":
		return c != 0
	case "lt", "lo":
		return c < 0
	case "le", "ls":
		return c <= 0
	case "gt", "hi":
		return c > 0
	}
	return c >= 0
}

// compareOperands compares bits of a type.
func compareOperands(op, typ string, a, b uint64) bool {
	f, ok := formats[typ]
	if !ok {
		return compareIntegers(part(op, 1), integer(a, typ), integer(b, typ))
	}
	if has(op, "ftz") {
		a, b = f.flush(a), f.flush(b)
	}
	return compareNumbers(part(op, 1), f.value(a), f.value(b))
}

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// boolOp combines a comparison with a predicate.
func boolOp(op string, v, c bool) bool {
	switch {
	case has(op, "and"):
		return v && c
	case has(op, "or"):
		return v || c
	case has(op, "xor"):
		return v != c
	}
	return v
}

// setpText asks for both predicates; the boolean operator takes a third operand.
func setpText(op string) string {
	text := op + " $d|$q, $a, $b"
	if oneOutput(op) {
		text = op + " $d, $a, $b"
	}
	if has(op, "and") || has(op, "or") || has(op, "xor") {
		text += ", $c"
	}
	return text + ";"
}

// oneOutput: comparisons of single halves have one predicate (PTX ISA 9.7.6.2).
func oneOutput(op string) bool { return has(op, "f16") || has(op, "bf16") }

// modelSetp gives p and, twice as heavy, q: for packed types the second half, else the negated comparison.
func modelSetp(op string, in []uint64) result {
	typ := lastType(op)
	c := in[2] != 0
	if base, packed := strings.CutSuffix(typ, "x2"); packed {
		lo := compareOperands(op, base, in[0]&0xffff, in[1]&0xffff)
		hi := compareOperands(op, base, in[0]>>16, in[1]>>16)
		return exact(oneIf(boolOp(op, lo, c)) | 2*oneIf(boolOp(op, hi, c)))
	}
	v := compareOperands(op, typ, in[0], in[1])
	if oneOutput(op) {
		return exact(oneIf(boolOp(op, v, c)))
	}
	return exact(oneIf(boolOp(op, v, c)) | 2*oneIf(boolOp(op, !v, c)))
}

// trueBits is what set gives for a comparison that holds: all ones or 1.0 (PTX ISA 9.7.6.1).
func trueBits(typ string) uint64 {
	if f, ok := formats[typ]; ok {
		return f.oneBits()
	}
	return 1<<width(typ) - 1
}

func modelSet(op string, in []uint64) result {
	parts := strings.Split(op, ".")
	to, from := parts[len(parts)-2], parts[len(parts)-1]
	base, packed := strings.CutSuffix(from, "x2")
	if !packed {
		return exact(oneIf(compareOperands(op, from, in[0], in[1])) * trueBits(to))
	}
	one := uint64(0xffff) // of an integer: each half of the word is a mask
	if strings.HasSuffix(to, "x2") {
		one = trueBits(strings.TrimSuffix(to, "x2"))
	}
	lo := oneIf(compareOperands(op, base, in[0]&0xffff, in[1]&0xffff)) * one
	hi := oneIf(compareOperands(op, base, in[0]>>16, in[1]>>16)) * one
	return exact(hi<<16 | lo)
}

func modelSelp(_ string, in []uint64) result {
	if in[2] != 0 {
		return exact(in[0])
	}
	return exact(in[1])
}

// modelSlct selects by sign (PTX ISA 9.7.6.4): zero of either sign takes the first, NaN the second.
func modelSlct(op string, in []uint64) result {
	f := formats["f32"]
	first := int32(in[2]) >= 0
	if lastType(op) == "f32" {
		c := in[2]
		if has(op, "ftz") {
			c = f.flush(c)
		}
		first = f.value(c) >= 0
	}
	if first {
		return exact(in[0])
	}
	return exact(in[1])
}

// extend is an integer of a type as the register that holds it shows: 8-bit values are extended to 32 bits.
func extend(v *big.Int, typ string) uint64 {
	if typ == "u8" || typ == "s8" {
		return cut(v, 32)
	}
	return cut(v, width(typ))
}

// clamp limits v to the range of an integer type.
func clamp(v *big.Int, typ string) *big.Int {
	w := width(typ)
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), w)
	if typ[0] == 's' {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	high.Sub(high, big.NewInt(1))
	switch {
	case v.Cmp(low) < 0:
		return low
	case v.Cmp(high) > 0:
		return high
	}
	return v
}

func isFloat(typ string) bool { return strings.Contains(typ, "f") }

// modelCvt is cvt between two scalar types (PTX ISA 9.7.8.20).
func modelCvt(op string, in []uint64) result {
	parts := strings.Split(op, ".")
	to, from := parts[len(parts)-2], parts[len(parts)-1]
	switch {
	case !isFloat(from) && !isFloat(to):
		v := integer(in[0], from)
		if has(op, "sat") {
			v = clamp(v, to)
		}
		return exact(extend(integer(cut(v, width(to)), to), to))
	case !isFloat(from):
		f := formats[to]
		v := new(big.Float).SetPrec(exactPrec).SetInt(integer(in[0], from))
		return finish(f, op, f.bits(v, opMode(op)), f.width() == 16)
	case !isFloat(to):
		return cvtToInteger(op, to, formats[from], in[0])
	}
	return cvtFloat(op, formats[to], formats[from], in[0])
}

// integralMode is the mode of .rni, .rzi, .rmi, .rpi, or "".
func integralMode(op string) string {
	for _, m := range []string{"rn", "rz", "rm", "rp"} {
		if has(op, m+"i") {
			return m
		}
	}
	return ""
}

// integral rounds a finite number to an integer.
func (f format) integral(b uint64, mode string) *big.Int {
	v := f.big(b)
	neg := v.Sign() < 0
	n := roundInteger(v.Abs(v), mode, neg)
	if neg {
		n.Neg(n)
	}
	return n
}

func cvtToInteger(op, to string, f format, b uint64) result {
	if has(op, "ftz") && f.prec == 24 {
		b = f.flush(b)
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 2000)
	var v *big.Int
	switch {
	case f.isNaN(b): // zero, unless a 64-bit type is involved
		if f.prec == 53 || width(to) == 64 {
			return exact(extend(integer(1<<(width(to)-1), to), to))
		}
		return exact(0)
	case f.isInf(b) && b&f.sign() != 0:
		v = huge.Neg(huge)
	case f.isInf(b):
		v = huge
	default:
		v = f.integral(b, integralMode(op))
	}
	return exact(extend(clamp(v, to), to))
}

func cvtFloat(op string, to, from format, b uint64) result {
	half := to.width() == 16
	if has(op, "ftz") && from.prec == 24 {
		b = from.flush(b)
	}
	if to.prec != 24 { // .ftz is about single precision only
		op = strings.Replace(op, ".ftz", "", 1)
	}
	switch {
	case from.isNaN(b):
		return finish(to, op, to.inf()|1<<to.shift(), half)
	case from.isInf(b):
		return finish(to, op, to.inf()|signOf(from, to, b), half)
	}
	v := from.big(b)
	if m := integralMode(op); m != "" {
		v.SetInt(from.integral(b, m))
	}
	r := signOf(from, to, b)
	if v.Sign() != 0 {
		r = to.bits(v, opMode(op))
	}
	return finish(to, op, r, half)
}

func signOf(from, to format, b uint64) uint64 {
	if b&from.sign() != 0 {
		return to.sign()
	}
	return 0
}

// modelCvtPair packs two numbers: the first operand becomes the upper half.
func modelCvtPair(op string, in []uint64) result {
	to := formats[strings.TrimSuffix(part(op, len(strings.Split(op, "."))-2), "x2")]
	hi, lo := cvtFloat(op, to, formats["f32"], in[0]), cvtFloat(op, to, formats["f32"], in[1])
	return exact(hi.bits<<16 | lo.bits)
}

// modelCvtTF32: the lower 13 bits of the result are not defined.
func modelCvtTF32(op string, in []uint64) result {
	r := cvtFloat(op, formats["tf32"], formats["f32"], in[0])
	if r.nan {
		return result{check: func(got uint64) string {
			if formats["f32"].isNaN(got) {
				return ""
			}
			return "not NaN"
		}}
	}
	r.mask = 0xffffe000
	return r
}

// conversions is the table of cvt, which needs an entry for every pair of types.
func conversions() []semantic {
	ints := []string{"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"}
	var table []semantic
	add := func(to, from string, patterns ...string) {
		for i := range patterns {
			patterns[i] += "." + to + "." + from
		}
		table = append(table, semantic{patterns: patterns, dst: to, src: []string{from}, model: modelCvt})
	}
	for _, i := range ints {
		for _, j := range ints {
			add(i, j, "cvt{.sat|}")
		}
		for _, f := range []string{"f16", "f32", "f64"} {
			add(f, i, "cvt{.rn|.rz|.rm|.rp}{.sat|}")
			add(i, f, "cvt{.rni|.rzi|.rmi|.rpi}{.ftz|}{.sat|}")
		}
		add("bf16", i, "cvt{.rn|.rz|.rm|.rp}")
		add(i, "bf16", "cvt{.rni|.rzi|.rmi|.rpi}")
	}
	for _, p := range [][2]string{{"f16", "f32"}, {"f16", "f64"}, {"f32", "f64"}} {
		add(p[0], p[1], "cvt{.rn|.rz|.rm|.rp}{.ftz|}{.sat|}")
	}
	for _, p := range [][2]string{{"f32", "f16"}, {"f64", "f16"}, {"f64", "f32"}, {"f32", "f32"}, {"f16", "f16"}, {"f64", "f64"}} {
		add(p[0], p[1], "cvt{.ftz|}{.sat|}")
	}
	for _, f := range []string{"f32", "f64", "f16"} {
		add(f, f, "cvt{.rni|.rzi|.rmi|.rpi}{.ftz|}{.sat|}")
	}
	for _, f := range []string{"f32", "f64", "f16"} {
		add(f, "bf16", "cvt")
	}
	add("f16", "f32", "cvt{.rn|.rz}.relu")
	add("bf16", "f32", "cvt{.rn|.rz}{.relu|}")
	return append(table,
		semantic{patterns: []string{"cvt{.rn|.rz}{.relu|}.{f16x2|bf16x2}.f32"}, dst: "b32", src: []string{"f32", "f32"}, model: modelCvtPair},
		semantic{patterns: []string{"cvt.rna.tf32.f32", "cvt{.rn|.rz}{.relu|}.tf32.f32"}, dst: "b32", src: []string{"f32"}, model: modelCvtTF32})
}

// dropMissing keeps the opcodes of a table that are supported: flush modifiers exist for single precision only.
func dropMissing(table []semantic) []semantic {
	for i := range table {
		var ops []string
		for _, k := range table[i].tasks(false) {
			if _, ok := formsByOpcode()[k.op]; ok && !slices.Contains(ops, k.op) {
				ops = append(ops, k.op)
			}
		}
		table[i].patterns = ops
	}
	return table
}

func TestConversionSemantics(t *testing.T) { runSemantics(t, dropMissing(conversions())) }

func TestComparisonSemantics(t *testing.T) { runSemantics(t, comparisonTable()) }

func comparisonTable() []semantic {
	const ordered, unsigned, floats = "{eq|ne|lt|le|gt|ge}", "{lo|ls|hi|hs}", "{eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan}"
	const integers, all = "{b16|b32|b64|u16|u32|u64|s16|s32|s64}", "{b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64}"
	pair := []string{"T", "T"}
	var table []semantic
	for _, to := range []string{"u16", "s16", "u32", "s32", "f32", "f16", "bf16", "f16x2", "bf16x2"} {
		table = append(table, semantic{patterns: []string{"set." + ordered + "." + to + "." + integers, "set." + unsigned + "." + to + ".{u16|u32|u64}",
			"set." + floats + "{.ftz|}." + to + ".{f32|f64|f16|bf16|f16x2|bf16x2}"}, dst: to, src: pair, model: modelSet})
	}
	for _, typ := range (&emu.Form{Pattern: all}).Expand() {
		table = append(table, semantic{patterns: []string{"slct." + typ + ".s32", "slct{.ftz|}." + typ + ".f32"}, dst: typ, src: []string{"D", "D", "T"}, model: modelSlct})
	}
	table = append(table,
		semantic{patterns: []string{"setp." + ordered + "{.and|.or|.xor|}." + integers, "setp." + unsigned + "{.and|.or|.xor|}.{u16|u32|u64}",
			"setp." + floats + "{.and|.or|.xor|}{.ftz|}.{f32|f64|f16|f16x2|bf16|bf16x2}"}, dst: "pred", src: []string{"T", "T", "pred"}, text: setpText, model: modelSetp},
		semantic{patterns: []string{"selp." + all}, src: []string{"T", "T", "pred"}, model: modelSelp},
		semantic{patterns: []string{"mov.{pred|b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64}"}, src: []string{"T"},
			model: func(_ string, in []uint64) result { return exact(in[0]) }})
	return dropMissing(table)
}

// TestEveryFormHasAModel: each supported opcode is in one of the tables, or in the list of what other tests run.
func TestEveryFormHasAModel(t *testing.T) {
	elsewhere := []emu.Form{
		{Pattern: "{bra|ret|call|brx.idx}{.uni|}"}, {Pattern: "exit"}, {Pattern: "trap"}, // TestRandomControlFlow, TestLimits
		{Pattern: "{bar|barrier}{.cta|}.arrive{.aligned|}"},             // TestBarriers
		{Pattern: "cp.async.{commit_group|wait_group|wait_all}"},        // TestAsyncCopies
		{Pattern: "{prefetch.local.L1|prefetch.local.L2|prefetchu.L1}"}, // no effect
	}
	tabled := map[string]bool{}
	for _, f := range elsewhere {
		for _, op := range f.Expand() {
			tabled[op] = true
		}
	}
	for _, table := range [][]semantic{integerTable(), floatTable(), halfTable(), conversions(), comparisonTable(), memoryTable(), warpTable(),
		addressTable(), effectlessTable(), barrierTable()} {
		for i := range table {
			for _, k := range table[i].tasks(false) {
				tabled[k.op] = true
			}
		}
	}
	for op, f := range formsByOpcode() {
		switch {
		case tabled[op], f.Family == "Tensor cores": // whose tests go through the list of forms
		case strings.HasPrefix(op, "ld") && has(op, "v4") && width(lastType(op)) == 64, strings.HasPrefix(op, "st") && has(op, "v4") && width(lastType(op)) == 64:
		default:
			t.Errorf("%s (%s) is in no table", op, f.Family)
		}
	}
}
