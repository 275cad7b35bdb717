package ptx

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse: any text ends in a module whose graphs are sound or in an error
// with a position inside the text.
func FuzzParse(f *testing.F) {
	for _, src := range compilerOutput(f) {
		if len(src) < 12<<10 {
			f.Add(string(src))
		}
	}
	for _, s := range []string{
		"", ".version 8.4", header,
		header + ".extern .shared .align 16 .b8 d[]; .const .f32 c[2] = {1.5, 0f00000000};",
		header + ".global .u64 t[2] = {f, generic(t)+8}; .func f() { ret; }",
		header + ".entry k(.param .u64 .ptr .global .align 16 p) .maxntid 128,1,1 { .reg .b32 %r<3>; { .reg .pred %p; @!%p bra L; } L: ret; }",
		header + ".func (.param .b32 r) g(.param .b32 x) { call.uni (r), g, (x); ret; }",
		header + ".entry k() { .reg .b32 i; .reg .b64 d; p: .callprototype (.param .b32 _) _ (); call (i), d, (), p; t: .branchtargets A, A; A: brx.idx i, t; }",
		header + ".entry k() { .reg .pred p, q; .reg .b32 r; setp.lt.and.s32 p|q, r, -5, !p; mov.b32 r, ~(1<<3|2)*4; L: @p bra L; bra.uni M; M: }",
		header + ".entry k() { .loc 1 2 3, function_name L, inlined_at 1 4 5\nmembar.cta; } .file 1 \"a\" .section .debug_str { L: .b8 0 }",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Parse("fuzz", []byte(src))
		if err != nil {
			var e *Error
			if m != nil || !errors.As(err, &e) {
				t.Fatalf("error %v of type %T, module %v", err, err, m)
			}
			if lines := strings.Count(src, "\n") + 1; e.Pos.Line < 1 || e.Pos.Line > lines || e.Pos.Col < 1 || e.Pos.Col > len(src)+1 {
				t.Fatalf("position %v is outside a text of %d lines", e.Pos, lines)
			}
			return
		}
		for _, fn := range m.Funcs {
			checkFunc(t, "fuzz", fn)
			for i := range fn.Body {
				checkOperands(t, fn, fn.Body[i].Operands)
				_ = fn.Body[i].Text()
				_ = fn.Reconverge(i)
			}
		}
		for _, v := range m.Vars {
			if !v.Unsized && int64(len(v.Init)) > v.Size {
				t.Fatalf("%s has %d initial bytes in %d", v.Name, len(v.Init), v.Size)
			}
		}
	})
}

// checkOperands checks that every operand is resolved.
func checkOperands(t *testing.T, f *Func, list []Operand) {
	for _, o := range list {
		ok := true
		switch o.Kind {
		case OpReg:
			ok = o.Reg != nil
		case OpVar:
			ok = o.Var != nil
		case OpFunc:
			ok = o.Func != nil
		case OpProto:
			ok = o.Proto != nil
		case OpTargets:
			ok = o.Targets != nil
		case OpLabel:
			ok = o.Target >= 0 && o.Target <= len(f.Body)
		case opName, 0:
			ok = false
		}
		if !ok {
			t.Fatalf("%s: operand at %v is not resolved: %+v", f.Name, o.Pos, o)
		}
		checkOperands(t, f, o.Elems)
	}
}
