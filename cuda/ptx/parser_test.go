package ptx

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const header = ".version 8.4\n.target sm_80\n.address_size 64\n"

func parse(t *testing.T, src string) *Module {
	t.Helper()
	m, err := Parse("test.ptx", []byte(header+src))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// body parses statements inside a kernel with some registers.
func body(t *testing.T, src string) *Func {
	t.Helper()
	return parse(t, ".visible .entry k(.param .u64 a, .param .align 8 .b8 s[24], .param .u8 c)\n{\n"+src+"\n}\n").Func("k")
}

// compilerOutput returns the text of every kernel file that nvcc wrote.
func compilerOutput(t testing.TB) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob("../emu/testdata/kernels/*.ptx")
	if len(files) == 0 {
		t.Fatal("no PTX files in ../emu/testdata/kernels")
	}
	all := map[string][]byte{}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = src
	}
	return all
}

func TestCompilerOutput(t *testing.T) {
	for name, src := range compilerOutput(t) {
		m, err := Parse(name, src)
		if err != nil {
			t.Error(err)
			continue
		}
		entries := 0
		for _, f := range m.Funcs {
			if f.Entry && f.Defined {
				entries++
			}
			checkFunc(t, name, f)
			if f.Entry && !anyLoc(f) {
				t.Errorf("%s: %s has no source positions", name, f.Name)
			}
		}
		if want := strings.Count(string(src), ".entry "); entries != want {
			t.Errorf("%s: found %d kernels, want %d", name, entries, want)
		}
	}
}

func anyLoc(f *Func) bool {
	for i := range f.Body {
		if l := f.Body[i].Loc; l.Line > 0 && l.File != "" {
			return true
		}
	}
	return false
}

func TestHeader(t *testing.T) {
	m := parse(t, "")
	if m.Major != 8 || m.Minor != 4 || m.Target != "sm_80" || m.AddressSize != 64 || m.Name != "test.ptx" {
		t.Errorf("got %+v", m)
	}
	m, err := Parse("x", []byte("// comment\n.version 7.0 .target sm_90a, debug\n.address_size 64 /* c \n d */ .visible .entry k() { ret; }"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Target != "sm_90a" || !cmp.Equal(m.TargetOptions, []string{"debug"}) {
		t.Errorf("target %s %v", m.Target, m.TargetOptions)
	}
	if got := m.Func("k").Body[0].Pos; got != (Pos{4, 29}) {
		t.Errorf("ret is at %v, want line 4, column 29", got)
	}
}

func TestParameters(t *testing.T) {
	f := body(t, "ret;")
	want := []struct {
		name              string
		off, size, align_ int64
	}{{"a", 0, 8, 8}, {"s", 8, 24, 8}, {"c", 32, 1, 1}}
	for i, w := range want {
		p := f.Params[i]
		if p.Name != w.name || p.Offset != w.off || p.Size != w.size || p.Align != w.align_ || p.Space != Param || p.ID != i || p.Func != f {
			t.Errorf("parameter %d: got %+v, want %+v", i, p, w)
		}
	}
	if f.ParamBytes != 33 {
		t.Errorf("block has %d bytes, want 33", f.ParamBytes)
	}
	m := parse(t, ".entry k(.param .u64 .ptr .global .align 16 p, .param .u64 .ptr q, .param .v4 .f32 v)\n.maxntid 128, 2\n.minnctapersm 3\n.maxnreg 64\n{ret;}")
	f = m.Func("k")
	if p := f.Params[0]; p.PtrSpace != Global || p.PtrAlign != 16 {
		t.Errorf("pointer parameter: got %+v", p)
	}
	if p := f.Params[1]; p.PtrSpace != Generic || p.PtrAlign != 4 {
		t.Errorf("pointer parameter without attributes: got %+v", p)
	}
	if p := f.Params[2]; p.Vec != 4 || p.Size != 16 || p.Align != 16 || p.Offset != 16 {
		t.Errorf("vector parameter: got %+v", p)
	}
	if f.MaxThreads != [3]int{128, 2, 1} || f.MinBlocks != 3 || f.MaxRegs != 64 || f.ReqThreads != [3]int{} {
		t.Errorf("directives: got %+v", f)
	}
}

func TestScopes(t *testing.T) {
	f := body(t, `
	.reg .pred %p<3>;
	.reg .b32 %r<5>, x;
	mov.u32 %r1, 1;
	{ .reg .pred %p1; .reg .b32 %r<2>, p; .reg .f32 x;
	  mov.u32 %r1, 2; setp.eq.u32 %p1, %r3, p; mov.f32 x, 0f3F800000;
	  { .reg .b64 x; mov.u64 x, 0; }
	}
	{ .reg .b32 p; mov.u32 p, 3; }
	mov.u32 %r1, x;
	setp.eq.u32 %p1, x, x;
	ret;`)
	reg := func(i, k int) *Reg { return f.Body[i].Operands[k].Reg }
	if reg(0, 0) == reg(1, 0) || reg(0, 0) != reg(6, 0) {
		t.Error("inner %r1 must be another register than the outer one")
	}
	if reg(2, 0) == reg(7, 0) || reg(2, 2) == reg(5, 0) {
		t.Error("registers of two scopes are the same")
	}
	if reg(3, 0).Type != F32 || reg(4, 0).Type != B64 || reg(6, 1).Type != B32 {
		t.Error("x has the wrong type in some scope")
	}
	for i, r := range f.Regs {
		if r.ID != i {
			t.Errorf("register %d has ID %d", i, r.ID)
		}
	}
	if want := 10; len(f.Regs) != want {
		t.Errorf("%d registers are in use, want %d", len(f.Regs), want)
	}
}

func TestLabelScopes(t *testing.T) {
	f := body(t, `
	.reg .pred p; .reg .b32 q;
	{ bra L; mov.b32 q, q; L: @p bra L; }
	L: { bra.uni L; L: ret; }
	bra L;
	@!p bra END;
	END:`)
	want := map[int]int{0: 2, 2: 2, 3: 4, 5: 3, 6: 7}
	for i, target := range want {
		if got := f.Body[i].Operands[0].Target; got != target {
			t.Errorf("instruction %d branches to %d, want %d", i, got, target)
		}
	}
	if in := f.Body[6]; in.Guard == nil || !in.GuardNot {
		t.Error("guard @!p is lost")
	}
	if n := len(f.Labels); n != 4 {
		t.Errorf("%d labels, want 4", n)
	}
}

func TestOperands(t *testing.T) {
	f := body(t, `
	.reg .pred p, q; .reg .b32 r, s2; .reg .b64 d; .reg .f32 f;
	.local .align 16 .b8 depot[64];
	ld.param.v2.u32 {r, _}, [s+8];
	setp.lt.and.s32 p|q, r, -5, !p;
	shfl.sync.bfly.b32 r|p, s2, 16, 0x1f, -1;
	st.global.L2::128B.f32 [d+-4], 0f3F800000;
	mov.u64 d, depot+16;
	mov.u32 r, %tid.x;
	@p ld.shared.u32 r, [64];
	fma.rn.f64 d, 0d3FF0000000000000, 1.5, d;
	add.u32 r, 0xFFFFU, WARP_SZ;
	and.b64 d, d, 0xFFFFFFFFFFFFFFFF;
	mov.b32 r, %envreg2;
	st.local.u32 [depot-(2+3)*2], r;
	ret;`)
	op := func(i, k int) Operand { return f.Body[i].Operands[k] }
	if o := op(0, 0); o.Kind != OpVec || len(o.Elems) != 2 || o.Elems[0].Kind != OpReg || o.Elems[1].Kind != OpSink {
		t.Errorf("vector: %+v", o)
	}
	if o := op(0, 1); o.Kind != OpAddr || o.Var != f.Params[1] || o.Offset != 8 {
		t.Errorf("parameter address: %+v", o)
	}
	if o := op(1, 0); o.Kind != OpPair || o.Elems[0].Reg.Name != "p" || o.Elems[1].Reg.Name != "q" {
		t.Errorf("pair: %+v", o)
	}
	if o := op(1, 2); o.Kind != OpInt || int64(o.Imm) != -5 || o.Unsigned {
		t.Errorf("negative number: %+v", o)
	}
	if o := op(1, 3); o.Kind != OpReg || !o.Not {
		t.Errorf("negated predicate: %+v", o)
	}
	if o := op(3, 0); o.Kind != OpAddr || o.Reg.Name != "d" || o.Offset != -4 {
		t.Errorf("register address: %+v", o)
	}
	if o := op(3, 1); o.Kind != OpF32 || o.Imm != 0x3f800000 {
		t.Errorf("float literal: %+v", o)
	}
	if in := f.Body[3]; in.Op != "st" || !in.Has("L2::128B") || !cmp.Equal(in.Types, []Type{F32}) || in.Opcode() != "st.global.L2::128B.f32" {
		t.Errorf("opcode: %+v", in)
	}
	if o := op(4, 1); o.Kind != OpVar || o.Var.Name != "depot" || o.Offset != 16 || o.Var.Space != Local || o.Var.Size != 64 || o.Var.Align != 16 {
		t.Errorf("symbol: %+v", o)
	}
	if o := op(5, 1); o.Kind != OpSpecial || o.Special != "%tid.x" {
		t.Errorf("special register: %+v", o)
	}
	if o := op(6, 1); o.Kind != OpAddr || o.Reg != nil || o.Var != nil || o.Offset != 64 {
		t.Errorf("absolute address: %+v", o)
	}
	if a, b := op(7, 1), op(7, 2); a.Kind != OpF64 || b.Kind != OpF64 || a.Imm != math.Float64bits(1) || b.Imm != math.Float64bits(1.5) {
		t.Errorf("double literals: %+v %+v", a, b)
	}
	if a, b := op(8, 1), op(8, 2); a.Imm != 0xffff || !a.Unsigned || b.Imm != 32 {
		t.Errorf("integers: %+v %+v", a, b)
	}
	if o := op(9, 2); o.Imm != math.MaxUint64 || !o.Unsigned {
		t.Errorf("large integer: %+v", o)
	}
	if o := op(11, 0); o.Offset != -10 {
		t.Errorf("address with expression: %+v", o)
	}
	if in := f.Body[6]; in.Guard == nil || in.Text() != "@p ld.shared.u32 r, [64];" {
		t.Errorf("text %q", in.Text())
	}
}

func TestVariables(t *testing.T) {
	m := parse(t, `
.extern .shared .align 128 .b8 dyn[];
.visible .const .align 4 .f32 c[3] = {1.5, 0f40000000, -2};
.global .align 8 .b16 m[2][3] = {{1, 2}, {-1}};
.global .u64 tab[3] = {f, generic(m)+4, c-8};
.global .v2 .f32 v[2] = {{1, 2}, {3, 4}};
.global .b8 open[] = {104, 105, 0};
.extern .global .u32 later;
.global .u32 later = (1 << 4 | 3) * 2 - 1;
.func f() { ret; }`)
	if v := m.Var("dyn"); !v.Unsized || v.Size != 0 || v.Align != 128 || v.Space != Shared || v.Linkage != Extern {
		t.Errorf("dynamic shared memory: %+v", v)
	}
	f32 := func(b []byte) (out []float32) {
		for ; len(b) > 0; b = b[4:] {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		return out
	}
	if d := cmp.Diff([]float32{1.5, 2, -2}, f32(m.Var("c").Init)); d != "" {
		t.Errorf("float values (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]float32{1, 2, 3, 4}, f32(m.Var("v").Init)); d != "" {
		t.Errorf("vector values (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]byte{1, 0, 2, 0, 0, 0, 0xff, 0xff}, m.Var("m").Init); d != "" {
		t.Errorf("nested values (-want +got):\n%s", d)
	}
	if v := m.Var("open"); v.Size != 3 || v.Dims[0] != 3 || string(v.Init) != "hi\x00" {
		t.Errorf("array sized by its values: %+v", v)
	}
	if v := m.Var("later"); v.Linkage != Internal || binary.LittleEndian.Uint32(v.Init) != 37 {
		t.Errorf("declared and defined: %+v", v)
	}
	tab := m.Var("tab")
	if r := tab.Relocs; len(r) != 3 || r[0].Func != m.Func("f") || r[1].Var != m.Var("m") || !r[1].Generic || r[1].Addend != 4 ||
		r[1].Offset != 8 || r[2].Var != m.Var("c") || r[2].Addend != -8 || r[2].Size != 8 || len(tab.Init) != 24 {
		t.Errorf("relocations: %+v", r)
	}
	for i, v := range m.Vars {
		if v.ID != i {
			t.Errorf("%s has ID %d, want %d", v.Name, v.ID, i)
		}
	}
}

func TestCalls(t *testing.T) {
	m := parse(t, `
.extern .func __assertfail(.param .b64 a, .param .b64 b) .noreturn;
.func (.param .b32 r) g(.param .b32 x);
.entry k() {
	.reg .b32 %r<3>; .reg .b64 %rd<3>;
	{ .param .b32 p0; .param .b32 retval0;
	  st.param.b32 [p0+0], %r1;
	  call.uni (retval0),
	  g,
	  (
	  p0
	  );
	  ld.param.b32 %r2, [retval0+0]; }
	{ .param .b32 p0; .param .b32 retval0;
	  proto : .callprototype (.param .b32 _) _ (.param .b32 _) ;
	  list: .calltargets g, g;
	  call (retval0), %rd1, (p0), proto;
	  call (retval0), %rd1, (p0), list; }
	ts: .branchtargets A, B;
	brx.idx %r1, ts;
	A: ret;
	B: ret;
}
.func (.param .b32 r) g(.param .b32 x) { .reg .b32 a; call.uni (r), g, (x); ret; }`)
	k, g := m.Func("k"), m.Func("g")
	if !m.Func("__assertfail").NoReturn || m.Func("__assertfail").Defined || !g.Defined || g.Entry {
		t.Error("declarations are wrong")
	}
	call := k.Body[1]
	if o := call.Operands; len(o) != 3 || o[0].Kind != OpList || o[0].Elems[0].Var != k.Vars[1] || o[1].Func != g || o[2].Elems[0].Var != k.Vars[0] {
		t.Errorf("direct call: %+v", o)
	}
	if got := call.Text(); got != "call.uni (retval0), g, ( p0 );" {
		t.Errorf("text %q", got)
	}
	if o := k.Body[3].Operands; o[1].Reg == nil || o[2].Elems[0].Var != k.Vars[2] || o[3].Kind != OpProto || len(o[3].Proto.Params) != 1 || o[3].Proto.Params[0].Size != 4 {
		t.Errorf("indirect call: %+v", o)
	}
	if o := k.Body[4].Operands[3]; o.Kind != OpTargets || len(o.Targets.Funcs) != 2 || o.Targets.Funcs[1] != g {
		t.Errorf("call targets: %+v", o)
	}
	if o := k.Body[5].Operands[1]; o.Kind != OpTargets || !cmp.Equal(o.Targets.Labels, []int{6, 7}) {
		t.Errorf("branch targets: %+v", o)
	}
	if g.Body[0].Operands[1].Func != g {
		t.Error("recursive call is not bound to the function")
	}
}

func TestLocations(t *testing.T) {
	m := parse(t, `.entry k() {
	membar.cta;
	.loc 1 10 3
	membar.cta;
	.loc 2 20 4, function_name $L__info_string0, inlined_at 1 11 5
	membar.cta;
	ret;
}
.file 1 "a.cu"
.file 2 "b.cuh", 1700000000, 123
.section .debug_str { $L__info_string0: .b8 95,90 .b8 0 { nested } }
`)
	b := m.Func("k").Body
	if b[0].Loc != (Loc{}) {
		t.Errorf("no .loc yet: %+v", b[0].Loc)
	}
	if b[1].Loc != (Loc{File: "a.cu", Line: 10, Col: 3}) {
		t.Errorf("first .loc: %+v", b[1].Loc)
	}
	if l := b[2].Loc; l.File != "b.cuh" || l.Line != 20 || l.InlinedAt == nil || *l.InlinedAt != (Loc{File: "a.cu", Line: 11, Col: 5}) || b[3].Loc != l {
		t.Errorf("inlined .loc: %+v", l)
	}
	if b[1].Pos != (Pos{7, 2}) {
		t.Errorf("position %v, want 7:2", b[1].Pos)
	}
}
