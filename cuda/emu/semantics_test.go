package emu_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// A semantic says what instructions do, written from the PTX ISA with math/big and without the emulator's own arithmetic. Each
// opcode of the patterns runs over special and random values of its operand types.
type semantic struct {
	patterns []string
	dst      string                 // type of the result; "" derives it from the opcode's last type
	src      []string               // types of the operands; "T" is the opcode's last type, "D" the result's
	text     func(op string) string // instructions, if "op d, a, b, c, e;" is not enough; $d, $q, $a, $b, $c, $e stand for registers
	model    func(op string, in []uint64) result
	warp     func(op string, lane int, in [][]uint64) result // instead of model: the operands of all lanes of the warp
	sparse   int                                             // tests with -short take every so many opcodes of the pattern
}

// result is what an instruction must give: bits, of which those in mask are compared; or for approximations a value and the error
// allowed.
type result struct {
	bits     uint64
	mask     uint64 // 0: all
	nan      bool   // any NaN of the type
	any      bool   // not defined
	either   []uint64
	approx   bool
	value    float64
	abs, rel float64
	check    func(got uint64) string // anything else
}

func exact(b uint64) result { return result{bits: b} }

// width is the number of bits of a type; "wide T" is a T in a word of 64 bits.
func width(typ string) uint {
	if strings.HasPrefix(typ, "wide ") {
		return 64
	}
	switch typ {
	case "pred":
		return 1
	case "f16x2", "bf16x2", "tf32":
		return 32
	case "bf16":
		return 16
	}
	var n uint
	if _, err := fmt.Sscanf(typ[1:], "%d", &n); err != nil {
		panic(typ)
	}
	return n
}

// register is the class of the register that holds a type: 8-bit values live in 32-bit registers.
func register(typ string) string {
	switch w := width(typ); w {
	case 1:
		return "%p"
	case 16:
		return "%h"
	case 64:
		return "%d"
	}
	return "%r"
}

// lastType is the last part of an opcode.
func lastType(op string) string { return op[strings.LastIndexByte(op, '.')+1:] }

// mantissa and exponent sizes of the floating-point formats.
var formats = map[string]format{"f16": {11, -14, 15}, "bf16": {8, -126, 127}, "f32": {24, -126, 127}, "f64": {53, -1022, 1023}, "tf32": {11, -126, 127}}

// specials are values of a type at which instructions tend to go wrong.
func specials(typ string) []uint64 {
	typ = strings.TrimPrefix(typ, "wide ")
	if f, ok := formats[strings.TrimSuffix(typ, "x2")]; ok {
		s := f.specials()
		if strings.HasSuffix(typ, "x2") {
			for i := range s {
				s[i] |= s[(i*7+3)%len(s)] << 16 & 0xffff0000
			}
		}
		return s
	}
	switch typ {
	case "pred":
		return []uint64{0, 1}
	case "shift31": // lanes of a warp
		return []uint64{0, 1, 2, 5, 16, 31}
	case "shift3":
		return []uint64{0, 1, 2, 3}
	case "shift":
		return []uint64{0, 1, 7, 15, 16, 31, 32, 33, 63, 64, 65, 255, 256, 0xffffffff}
	}
	w := width(typ)
	top := uint64(1) << (w - 1)
	s := []uint64{0, 1, 2, 3, top, top - 1, top + 1, top<<1 - 1, top<<1 - 2, top >> 1, 0x55, 0x7f, 0x80, 0xff}
	for i := range s {
		s[i] &= top<<1 - 1
	}
	return s
}

// randomOf is a random value of a type, often near a special one.
func randomOf(r *rand.Rand, typ string) uint64 {
	typ = strings.TrimPrefix(typ, "wide ")
	s := specials(typ)
	v := s[r.IntN(len(s))]
	f, isFloat := formats[strings.TrimSuffix(typ, "x2")]
	switch {
	case strings.HasPrefix(typ, "shift") || typ == "pred":
		return v
	case r.IntN(4) == 0:
		return v
	case isFloat && r.IntN(3) > 0: // exponents near 1, so that sums and products round
		one := func() uint64 {
			return f.bits(new(big.Float).SetFloat64(math.Ldexp(r.Float64()*4-2, r.IntN(12)-6)), "rn")
		}
		if strings.HasSuffix(typ, "x2") {
			return one() | one()<<16
		}
		return one()
	}
	return r.Uint64() & (1<<(width(typ)-1)<<1 - 1) >> (r.UintN(width(typ)) &^ 3 * uint(r.IntN(2)))
}

// sampleCount is how many operand tuples each opcode gets, a block of threads.
func sampleCount() int {
	if testing.Short() {
		return 160
	}
	return 512
}

// inputs are operand tuples: two thirds are special values in shuffled combinations, the others random.
func inputs(r *rand.Rand, types []string, count int) [][]uint64 {
	first, second := specials(types[0]), []uint64{0}
	if len(types) > 1 {
		second = specials(types[1])
	}
	all := make([][]uint64, 0, count)
	for _, pair := range r.Perm(len(first) * len(second)) {
		if len(all) >= count*2/3 {
			break
		}
		t := make([]uint64, len(types))
		for k := range types {
			switch k {
			case 0:
				t[k] = first[pair%len(first)]
			case 1:
				t[k] = second[pair/len(first)]
			default:
				s := specials(types[k])
				t[k] = s[r.IntN(len(s))]
			}
		}
		all = append(all, t)
	}
	for len(all) < count {
		t := make([]uint64, len(types))
		for k := range types {
			t[k] = randomOf(r, types[k])
		}
		all = append(all, t)
	}
	return all
}

// task is one kernel: an instruction with its operand types.
type task struct {
	sem  *semantic
	op   string
	inst string
	dst  string
	src  []string
}

// tasks expands a semantic, sparsely in short tests.
func (s *semantic) tasks(short bool) []task {
	var all []task
	for _, p := range s.patterns {
		form := emu.Form{Pattern: p}
		for i, op := range form.Expand() {
			if short && s.sparse > 0 && i%s.sparse != 0 {
				continue
			}
			dst := s.dst
			if dst == "" {
				dst = lastType(op)
			}
			text := op + " $d" + ", $a, $b, $c, $e"[:4*len(s.src)] + ";"
			if s.text != nil {
				text = s.text(op)
			}
			src := slices.Clone(s.src)
			for k := range src {
				switch src[k] {
				case "T":
					src[k] = lastType(op)
				case "D":
					src[k] = dst
				}
			}
			all = append(all, task{s, op, text, dst, src})
		}
	}
	return all
}

// kernel writes the task as a kernel that computes one result per thread.
func (t *task) kernel(b *strings.Builder, name string) {
	fmt.Fprintf(b, ".visible .entry %s(.param .u64 in, .param .u64 out)\n{\n.reg .pred %%p<9>; .reg .b16 %%h<9>; .reg .b32 %%r<9>, %%i, %%x, %%y; .reg .b64 %%d<9>, %%in, %%out, %%at, %%v;\n", name)
	b.WriteString("ld.param.u64 %in, [in]; ld.param.u64 %out, [out]; mov.u32 %i, %tid.x;\n")
	fmt.Fprintf(b, "mul.wide.u32 %%at, %%i, %d; add.s64 %%in, %%in, %%at; mul.wide.u32 %%at, %%i, 8; add.s64 %%out, %%out, %%at;\n", 8*len(t.src))
	inst := t.inst
	for k, typ := range t.src {
		if strings.HasPrefix(typ, "shift") {
			typ = "u32"
		}
		reg := fmt.Sprintf("%s%d", register(typ), k+1)
		fmt.Fprintf(b, "ld.global.u64 %%v, [%%in+%d]; ", 8*k)
		switch register(typ) {
		case "%p":
			fmt.Fprintf(b, "setp.ne.u64 %s, %%v, 0;\n", reg)
		case "%h":
			fmt.Fprintf(b, "cvt.u16.u64 %s, %%v;\n", reg)
		case "%r":
			fmt.Fprintf(b, "cvt.u32.u64 %s, %%v;\n", reg)
		default:
			fmt.Fprintf(b, "mov.b64 %s, %%v;\n", reg)
		}
		inst = strings.ReplaceAll(inst, "$"+string("abce"[k]), reg)
	}
	reg := register(t.dst) + "0"
	b.WriteString(strings.ReplaceAll(strings.ReplaceAll(inst, "$d", reg), "$q", "%p8") + "\n")
	switch register(t.dst) {
	case "%p":
		fmt.Fprintf(b, "selp.u64 %%v, 1, 0, %s;\n", reg)
		if strings.Contains(inst, "$q") {
			b.WriteString("selp.u64 %at, 2, 0, %p8; or.b64 %v, %v, %at;\n")
		}
	case "%h":
		fmt.Fprintf(b, "cvt.u64.u16 %%v, %s;\n", reg)
	case "%r":
		fmt.Fprintf(b, "cvt.u64.u32 %%v, %s;\n", reg)
	default:
		fmt.Fprintf(b, "mov.b64 %%v, %s;\n", reg)
	}
	b.WriteString("st.global.u64 [%out], %v;\nret;\n}\n")
}

// runSemantics executes the tables of one family.
func runSemantics(t *testing.T, table []semantic) {
	t.Helper()
	t.Parallel()
	for _, target := range []int{80, 90} {
		var tasks []task
		for i := range table {
			for _, k := range table[i].tasks(testing.Short()) {
				if f, ok := formsByOpcode()[k.op]; !ok {
					t.Errorf("%s is not a supported form", k.op)
				} else if (f.MinSM > 80) == (target == 90) {
					tasks = append(tasks, k)
				}
			}
		}
		if len(tasks) > 0 {
			runTasks(t, tasks, target)
		}
	}
}

// runTasks runs all tasks in one module and compares the results with the models.
func runTasks(t *testing.T, tasks []task, target int) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, ".version 8.4\n.target sm_%d\n.address_size 64\n%s", target, constantDecl())
	for i := range tasks {
		tasks[i].kernel(&b, fmt.Sprintf("k%d", i))
	}
	profile := map[int]string{80: "a100", 90: "h100"}[target]
	d := emutest.OpenProfile(t, profile)
	m, err := d.LoadModule("semantics.ptx", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range tasks {
		k := &tasks[i]
		f, err := m.Function(fmt.Sprintf("k%d", i))
		if err != nil {
			t.Fatal(err)
		}
		samples := sampleCount()
		if k.sem.sparse > 0 {
			samples = min(samples, 96)
		}
		in := inputs(random(uint64(i)), k.src, samples)
		flat := slices.Concat(in...)
		src, dst := emutest.InOut(d, "in", flat), emutest.Out[uint64](d, "out", samples)
		d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: samples}}, src, dst)
		k.compare(t, in, dst.Get())
		src.Free()
		dst.Free()
	}
}

// compare checks the results of one task.
func (t *task) compare(tb *testing.T, in [][]uint64, got []uint64) {
	tb.Helper()
	wrong := 0
	for i, tuple := range in {
		var want result
		if t.sem.warp != nil {
			want = t.sem.warp(t.op, i%32, in[i&^31:(i|31)+1])
		} else {
			want = t.sem.model(t.op, slices.Clone(tuple))
		}
		if why := want.differs(got[i], t.dst); why != "" {
			if wrong++; wrong <= 3 {
				tb.Errorf("%s of %#x: %s", t.op, tuple, why)
			}
		}
	}
	if wrong > 3 {
		tb.Errorf("%s: %d of %d results are wrong in\n%s", t.op, wrong, len(in), t.inst)
	}
}

// differs explains how a result of the given type is wrong.
func (r result) differs(got uint64, typ string) string {
	if r.check != nil {
		return r.check(got)
	}
	if r.nan {
		if f := formats[typ]; f.isNaN(got) {
			return ""
		}
		return fmt.Sprintf("got %#x, want NaN", got)
	}
	if r.any || slices.Contains(r.either, got) {
		return ""
	}
	if !r.approx {
		mask := r.mask
		if mask == 0 {
			mask = math.MaxUint64
		}
		if (got^r.bits)&mask == 0 {
			return ""
		}
		return fmt.Sprintf("got %#x, want %#x", got, r.bits)
	}
	f := formats[typ]
	v := f.value(got)
	switch {
	case math.IsNaN(r.value) && f.isNaN(got), v == r.value:
		return ""
	case !f.isNaN(got) && math.Abs(v-r.value) <= r.abs+r.rel*math.Abs(r.value):
		return ""
	}
	return fmt.Sprintf("got %g (%#x), want %g within %g and %g relative", v, got, r.value, r.abs, r.rel)
}

// formsByOpcode holds every supported opcode.
var formsByOpcode = sync.OnceValue(func() map[string]emu.Form {
	all := map[string]emu.Form{}
	for _, f := range emu.Supported() {
		for _, op := range f.Expand() {
			all[op] = f
		}
	}
	return all
})
