package ptx

import (
	"errors"
	"strings"
	"testing"
)

// TestErrors: each text, of which the first three lines are the header, fails at
// the given position with the given message.
func TestErrors(t *testing.T) {
	kernel := func(s string) string {
		return ".entry k(.param .u64 a) {\n.reg .b32 %r<4>; .reg .pred %p<2>; .reg .b64 %rd<2>;\n" + s + "\n}"
	}
	for _, c := range []struct {
		src       string
		line, col int
		msg       string
	}{
		{kernel("add.s32 %r1, %r2, %r4;"), 6, 19, "register %r4 is not declared"},
		{kernel("add.s32 %r1, %r2, %q;"), 6, 19, "register %q is not declared"},
		{kernel("add.s32 %r1, %r2, %r01;"), 6, 19, "register %r01 is not declared"},
		{kernel("bra L;"), 6, 5, "L is not declared"},
		{kernel("{ L: ret; }\nbra L;"), 7, 5, "L is not declared"},
		{kernel("bra %r1;"), 6, 1, "bra needs a label to branch to"},
		{kernel("ret"), 7, 1, `expected a constant, found "}"`},
		{kernel("mov.b32 %r1, [%r2;"), 6, 18, `expected "]", found ";"`},
		{kernel("mov.b32 %r1 %r2;"), 6, 13, `expected ";", found "%r2"`},
		{kernel("@%r1 ret;"), 6, 2, `expected a predicate register, found "%r1"`},
		{kernel("@x ret;"), 6, 2, `expected a predicate register, found "x"`},
		{kernel("mov.b32 %r1, !%r2;"), 6, 14, "! needs a predicate register"},
		{kernel("mov.b32 %r1.x, %r2;"), 6, 9, "register %r1.x is not declared"},
		{kernel(".reg .b32 %r<2>;"), 6, 11, "%r<> is already declared in this scope"},
		{kernel(".reg .b32 x; .reg .f32 x;"), 6, 24, "x is already declared in this scope"},
		{kernel(".reg .q32 x;"), 6, 6, `".q32" is not a type that a register can have`},
		{kernel(".local .pred x;"), 6, 8, ".pred is not a type that a variable can have"},
		{kernel(".local .b32 x[];"), 6, 13, "array x has no size"},
		{kernel(".local .b8 x[1000000000000][1000000000000];"), 6, 29, "x is larger than 1125899906842624 bytes"},
		{kernel(".local .align 3 .b8 x;"), 6, 15, "alignment 3 is not a power of two"},
		{kernel("L: ret; L: ret;"), 6, 9, "label L is already declared in this scope"},
		{kernel(".loc 1 2 3\nret;"), 6, 6, "file index 1 has no .file directive"},
		{kernel(".weird 1;"), 6, 1, "directive .weird is not supported inside a function"},
		{kernel("brx.idx %r1, L;\nL: ret;"), 6, 1, "brx.idx needs a label to branch to"},
		{kernel("ld.global.u32 %r1, [L];\nL: ret;"), 6, 21, `expected a register or variable in an address, found "L"`},
		{kernel("mov.b32 %r1, 0f3F8;"), 6, 14, `malformed number "0f3F8;"`},
		{kernel("mov.b32 %r1, 99999999999999999999;"), 6, 14, "integer 99999999999999999999 does not fit 64 bits"},
		{kernel("mov.b32 %r1, 09;"), 6, 14, "malformed integer 09"},
		{kernel("mov.b32 %r1, 1/0;"), 6, 15, "division by zero"},
		{kernel("mov.b32 %r1, -;"), 6, 15, `expected a constant, found ";"`},
		{kernel("mov.b32 %r1, " + strings.Repeat("-", 100) + "1;"), 6, 79, "expression is nested too deeply"},
		{kernel("mov.b32 " + strings.Repeat("{", 100) + ";"), 6, 74, "operand is nested too deeply"},
		{kernel(strings.Repeat("{", 100)), 6, 65, "scopes are nested too deeply"},
		{kernel("123;"), 6, 1, `expected an instruction, found "123"`},
		{kernel("mov.b32 %r1, #;"), 6, 14, "unexpected character '#'"},
		{".entry k() {\nret;\n", 6, 1, "function k is not closed"},
		{".entry k() { ret; }\n.entry k() { ret; }", 5, 8, "k is already defined"},
		{".func k(.param .b32 a);\n.func k(.param .b64 a) { ret; }", 5, 7, "k is declared twice with different signatures"},
		{".global .u32 k;\n.entry k() { ret; }", 5, 8, "k is already declared as a variable"},
		{".func f(.reg .b32 a) { ret; }", 4, 9, "expected .param, found \".reg\"; register parameters are not supported"},
		{".entry k() .reqnctapercluster 2 { ret; }", 4, 12, "directive .reqnctapercluster is not supported"},
		{".global .u32 x;\n.global .u32 x;", 5, 14, "x is already declared"},
		{".global .u64 x = y;", 4, 18, "y is not declared"},
		{".global .u32 x = y;", 4, 18, "the address of y needs 8 bytes, .u32 has 4"},
		{".global .u32 x = 1.5;", 4, 18, "floating-point value for x of type .u32"},
		{".global .u32 x[2] = {1,2,3};", 4, 26, "too many initial values for x"},
		{".global .u8 x[2][70000000] = {{1},{2}};", 4, 36, "initial data of more than 67108864 bytes, reached in x"},
		{".shared .u32 x = 1;", 4, 14, "variable x can not have initial values"},
		{".global .texref t;", 4, 9, ".texref is not a type that a variable can have"},
		{".alias a, b;", 4, 1, "directive .alias is not supported here"},
		{"mov.b32 a, b;", 4, 1, `expected a directive, found "mov.b32"`},
		{".section .debug_info { {", 4, 22, "section is not closed"},
		{"/* never closed", 4, 1, "comment is not closed"},
		{".file 1 \"a\nb\"", 4, 9, "string is not closed"},
	} {
		m, err := Parse("t.ptx", []byte(header+c.src))
		var e *Error
		if m != nil || !errors.As(err, &e) {
			t.Errorf("%s: got error %v", c.src, err)
			continue
		}
		if e.Pos != (Pos{c.line, c.col}) || !strings.HasPrefix(e.Msg, c.msg) {
			t.Errorf("%s\n got %v\nwant t.ptx:%d:%d: %s", c.src, e, c.line, c.col, c.msg)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                                  "x:1:1: expected .version, found end of file",
		".target sm_80":                     `x:1:1: expected .version, found ".target"`,
		".version 8":                        `x:1:10: malformed version "8"`,
		".version 7.0\n.entry k() { ret; }": `x:2:1: expected .target, found ".entry"`,
		".version 7.0 .target sm_80 .address_size 32":     "x:1:42: address size 32 is not supported, only 64",
		".version 7.0 .target sm_80\n.entry k() { ret; }": "x:1:14: address size 32 is not supported, only 64",
		"\x00": `x:1:1: unexpected character '\x00'`,
	} {
		if _, err := Parse("x", []byte(src)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
}
