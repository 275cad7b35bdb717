package emu_test

import (
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// TestAddressChecks: out of bounds, outside the operands, against a mode, misaligned, after free.
func TestAddressChecks(t *testing.T) {
	guarded := []string{"ld.global", "setp.ge.u32 %p1, %r5, %r1; @%p1 ret;\nld.global"}
	runCheckCases(t, []checkCase{
		{name: "load past the end", broken: "ld.global.u32 %r6, [%rd4]; //!", repair: guarded, xElems: 120, undeclared: true,
			check: cuda.OutOfBounds, blk: 1, thr: 56, space: "global", wantObject: "0 bytes past the end of allocX"},
		{name: "store past the end", broken: "add.s64 %rd6, %rd5, 512;\nst.global.u32 [%rd6], %r1; //!", repair: []string{"512", "0"}, undeclared: true,
			check: cuda.OutOfBounds, space: "global", wantObject: "0 bytes past the end of allocY"},
		{name: "load before the start", broken: "ld.global.u32 %r6, [%rd4+-4]; //!", repair: []string{"-4", "0"},
			check: cuda.OutOfBounds, space: "global", wantObject: "4 bytes before operand x"},
		{name: "load across the end", broken: "setp.ne.u32 %p1, %r5, 127; @%p1 ret; ld.global.v2.u32 {%r6, %r7}, [%rd4+-4];\nld.global.v2.u32 {%r6, %r7}, [%rd4+4]; //!",
			repair: []string{"[%rd4+4]", "[%rd4+-4]"}, blk: 1, thr: 63, check: cuda.OutOfBounds, space: "global", wantObject: "operand x (512 bytes)"},
		{name: "null pointer", broken: "mov.u64 %rd6, 0; add.s64 %rd6, %rd6, %rd3;\nst.global.u32 [%rd6], %r1; //!", repair: []string{"mov.u64 %rd6, 0;", "mov.u64 %rd6, %rd2;"},
			check: cuda.OutOfBounds, space: "global", wantDetail: "null pointer"},
		{name: "wild pointer", broken: "shl.b64 %rd6, %rd4, 7;\nld.global.u32 %r6, [%rd6]; //!", repair: []string{"%rd4, 7", "%rd4, 0"},
			check: cuda.OutOfBounds, space: "global"},
		{name: "shared memory", decl: ".shared .align 4 .b8 tile[256];\n", broken: "mov.u32 %r6, tile; shl.b32 %r7, %r2, 2; add.s32 %r6, %r6, %r7;\nst.shared.u32 [%r6+4], %r1; //!",
			repair: []string{"+4]", "]"}, thr: 63, check: cuda.OutOfBounds, space: "shared", wantObject: "0 bytes past the end"},
		{name: "dynamic shared memory", decl: ".extern .shared .align 16 .b8 dyn[];\n", broken: "mov.u32 %r6, dyn; shl.b32 %r7, %r2, 2; add.s32 %r6, %r6, %r7;\nst.shared.u32 [%r6], %r1; //!",
			shared: 252, repairCase: func(c *checkCase) { c.shared = 256 }, thr: 63, check: cuda.OutOfBounds, space: "shared", wantObject: "past the end of"},
		{name: "generic address of shared memory", decl: ".shared .align 4 .b8 tile[256];\n",
			broken: "mov.u64 %rd6, tile; cvta.shared.u64 %rd7, %rd6; mul.wide.u32 %rd8, %r2, 4; add.s64 %rd7, %rd7, %rd8;\nst.u32 [%rd7+4], %r1; //!",
			repair: []string{"+4]", "]"}, thr: 63, check: cuda.OutOfBounds, space: "shared"},
		{name: "local memory", broken: ".local .align 4 .b8 depot[16]; mov.u64 %rd6, depot; and.b32 %r6, %r2, 7; mul.wide.u32 %rd7, %r6, 4; add.s64 %rd6, %rd6, %rd7;\nst.local.u32 [%rd6], %r1; //!",
			repair: []string{"%r2, 7", "%r2, 3"}, thr: 4, check: cuda.OutOfBounds, space: "local"},
		{name: "constant memory", decl: ".const .align 4 .b32 table[4] = {1, 2, 3, 4};\n",
			broken: "mov.u64 %rd6, table; and.b32 %r6, %r2, 7; mul.wide.u32 %rd7, %r6, 4; add.s64 %rd6, %rd6, %rd7;\nld.const.u32 %r7, [%rd6]; //!",
			repair: []string{"%r2, 7", "%r2, 3"}, thr: 4, check: cuda.OutOfBounds, space: "global", wantObject: "0 bytes past the end of table"},
		{name: "atomic past the end", broken: "atom.global.add.u32 %r6, [%rd5+4], 1; //!", repair: []string{"+4]", "]"}, blk: 1, thr: 63,
			check: cuda.OutOfBounds, space: "global", wantObject: "operand y"},
		{name: "asynchronous copy past the end", decl: ".shared .align 16 .b8 tile[2048];\n", grid: 1,
			broken: "mov.u32 %r6, tile; shl.b32 %r7, %r2, 4; add.s32 %r6, %r6, %r7; mul.wide.u32 %rd6, %r2, 16; add.s64 %rd6, %rd6, %rd1;\n" +
				"cp.async.cg.shared.global [%r6], [%rd6], 16; //!\ncp.async.wait_all;",
			xElems: 254, repairCase: func(c *checkCase) { c.xElems = 256 }, thr: 63, check: cuda.OutOfBounds, space: "global", wantObject: "operand x"},

		{name: "outside the operand", broken: "ld.global.u32 %r6, [%rd4]; //!", change: func(x, y *cuda.Operand) { x.RowBytes -= 4 },
			repairCase: func(c *checkCase) { c.change = nil }, blk: 1, thr: 63, check: cuda.OutsideOperand, space: "global", wantObject: "0 bytes past the end of operand x"},
		{name: "gap between rows", broken: "ld.global.u32 %r6, [%rd4]; //!", change: func(x, y *cuda.Operand) { x.Rows, x.RowBytes, x.Pitch = 8, 48, 64 },
			repair: []string{"ld.global", "and.b32 %r7, %r5, 15; setp.ge.u32 %p1, %r7, 12; @%p1 ret; ld.global"}, thr: 12, check: cuda.OutsideOperand, space: "global", wantObject: "gap behind row 0"},
		{name: "allocation that is no operand", broken: "ld.global.u32 %r6, [%rd4]; //!", change: func(x, y *cuda.Operand) { *x = *y },
			repairCase: func(c *checkCase) { c.change = nil }, check: cuda.OutsideOperand, space: "global", wantObject: "allocX"},

		{name: "store to a read operand", broken: "st.global.u32 [%rd4], %r1; //!", repair: []string{"%rd4", "%rd5"},
			check: cuda.OperandMode, space: "global", wantObject: "operand x", wantDetail: "read operand"},
		{name: "atomic on a read operand", broken: "red.global.add.u32 [%rd4], %r1; //!", repair: []string{"%rd4", "%rd5"},
			check: cuda.OperandMode, space: "global", wantObject: "operand x"},
		{name: "store to constant memory", decl: ".const .align 4 .b32 table[4] = {1, 2, 3, 4};\n",
			broken: "mov.u64 %rd6, table; cvta.const.u64 %rd6, %rd6;\nst.u32 [%rd6], %r1; //!", repair: []string{"cvta.const.u64 %rd6, %rd6;", "mov.u64 %rd6, %rd5;"},
			check: cuda.OperandMode, space: "global", wantObject: "table"},
		{name: "load of a write operand's old contents", yMode: cuda.Write, setup: fillY,
			broken: "add.u32 %r7, %r5, 1;\nld.global.u32 %r6, [%rd5]; //!\nst.global.u32 [%rd5], %r7;",
			repair: []string{"ld.global.u32 %r6, [%rd5];", "st.global.u32 [%rd5], %r7; ld.global.u32 %r6, [%rd5];"},
			check:  cuda.OperandMode, space: "global", wantObject: "operand y"},

		{name: "misaligned vector", broken: "setp.gt.u32 %p1, %r5, 120; @%p1 ret;\nld.global.v2.u32 {%r6, %r7}, [%rd4]; //!", repair: []string{".v2.u32 {%r6, %r7}", ".u32 %r6"},
			thr: 1, check: cuda.Misaligned, space: "global", wantObject: "operand x"},
		{name: "misaligned shared access", decl: ".shared .align 4 .b8 tile[256];\n", broken: "mov.u32 %r6, tile; add.s32 %r6, %r6, %r2;\nst.shared.u16 [%r6], %h1; //!",
			repair: []string{"u16", "u8"}, block: 32, thr: 1, check: cuda.Misaligned, space: "shared", wantObject: "tile"},
		{name: "misaligned local access", broken: ".local .align 4 .b8 depot[16]; mov.u64 %rd6, depot; and.b32 %r6, %r2, 1; cvt.u64.u32 %rd7, %r6; add.s64 %rd6, %rd6, %rd7;\nst.local.u32 [%rd6], %r1; //!",
			repair: []string{"%r2, 1", "%r2, 0"}, thr: 1, check: cuda.Misaligned, space: "local"},
		{name: "misaligned atomic", broken: "atom.global.add.u32 %r6, [%rd5+2], 1; //!", repair: []string{"+2]", "]"}, check: cuda.Misaligned, space: "global", wantObject: "operand y"},
		{name: "misaligned asynchronous copy", decl: ".shared .align 16 .b8 tile[512];\n", grid: 1, block: 32,
			broken: "mov.u32 %r6, tile; shl.b32 %r7, %r2, 2; add.s32 %r6, %r6, %r7;\ncp.async.ca.shared.global [%r6], [%rd4], 8; //!\ncp.async.wait_all;",
			repair: []string{", 8;", ", 4;"}, thr: 1, check: cuda.Misaligned, space: "shared", wantObject: "tile"},

		{name: "use after free", broken: "ld.global.u32 %r6, [%rd4]; //!", undeclared: true, setup: func(d *emutest.Device, x, y cuda.Memory) { x.Close() },
			repairCase: func(c *checkCase) { c.setup = nil }, check: cuda.UseAfterFree, space: "global", wantObject: "allocX"},
	})
}

func fillY(d *emutest.Device, x, y cuda.Memory) { _ = d.Memset(y.Ptr(), 1, y.Size()) }

// TestUninitialised: values that nobody wrote may be moved about, but not used.
func TestUninitialised(t *testing.T) {
	const tile = ".shared .align 8 .b8 tile[512];\n"
	const at = "mov.u32 %r10, tile; shl.b32 %r11, %r2, 2; add.s32 %r10, %r10, %r11;\n"
	runCheckCases(t, []checkCase{
		{name: "global value stored", undefinedX: true, broken: "ld.global.u32 %r6, [%rd4]; add.u32 %r7, %r6, 1; cvt.rn.f32.u32 %f1, %r7;\nst.global.f32 [%rd5], %f1; //!",
			repairCase: func(c *checkCase) { c.undefinedX = false }, check: cuda.Uninitialized, space: "global", wantObject: "operand y"},
		{name: "one undefined byte", setup: func(d *emutest.Device, x, y cuda.Memory) { _ = d.Memset(x.Ptr(), 3, 4*37+3) }, undefinedX: true,
			broken: "ld.global.u32 %r6, [%rd4];\nst.global.u32 [%rd5], %r6; //!", thr: 37, check: cuda.Uninitialized, space: "global",
			repairCase: func(c *checkCase) { c.undefinedX = false }},
		{name: "unused value", undefinedX: true, broken: "ld.global.u32 %r6, [%rd4]; add.u32 %r7, %r6, 1;\nst.global.u32 [%rd5], %r7; //!",
			repair: []string{"%r7; //!", "%r1;"}, check: cuda.Uninitialized, space: "global"},
		{name: "shared value in a branch", decl: tile, broken: at + "ld.shared.u32 %r6, [%r10]; setp.eq.u32 %p1, %r6, 0;\n@%p1 bra L; //!\nL:",
			repair: []string{"ld.shared", "st.shared.u32 [%r10], %r1; ld.shared"}, check: cuda.Uninitialized},
		{name: "shared value in an address", wantDetail: "the address", decl: tile, broken: at + "ld.shared.u32 %r6, [%r10]; mul.wide.u32 %rd6, %r6, 0; add.s64 %rd6, %rd6, %rd1;\nld.global.u32 %r7, [%rd6]; //!",
			repair: []string{"ld.shared", "st.shared.u32 [%r10], %r1; ld.shared"}, check: cuda.Uninitialized},
		{name: "through shared memory", decl: tile, undefinedX: true,
			broken:     at + "ld.global.u32 %r6, [%rd4]; st.shared.u32 [%r10], %r6; ld.shared.u32 %r7, [%r10];\nst.global.u32 [%rd5], %r7; //!",
			repairCase: func(c *checkCase) { c.undefinedX = false }, check: cuda.Uninitialized, space: "global"},
		{name: "register never written", broken: "add.u32 %r7, %r20, 1;\nst.global.u32 [%rd5], %r7; //!", repair: []string{"add.u32", "mov.u32 %r20, 5; add.u32"},
			check: cuda.Uninitialized, space: "global"},
		{name: "register written on one path", broken: "setp.eq.u32 %p1, %r2, 3; @%p1 mov.u32 %r7, 4;\n@!%p1 bra L; L: st.global.u32 [%rd5], %r7; //!",
			repair: []string{"@%p1 mov.u32 %r7, 4;", "mov.u32 %r7, 4;"}, check: cuda.Uninitialized, space: "global"},
		{name: "local memory", broken: ".local .align 4 .b8 depot[16]; and.b32 %r6, %r2, 3; mul.wide.u32 %rd7, %r6, 4; mov.u64 %rd6, depot; add.s64 %rd8, %rd6, %rd7;\n" +
			"st.local.u32 [depot], %r1; ld.local.u32 %r7, [%rd8];\nst.global.u32 [%rd5], %r7; //!", repair: []string{"%r2, 3", "%r2, 0"}, thr: 1, check: cuda.Uninitialized, space: "global"},
		{name: "shuffle from a thread without a value", broken: "setp.eq.u32 %p1, %r2, 0; @!%p1 mov.u32 %r7, 1;\nshfl.sync.idx.b32 %r8, %r7, 0, 31, -1;\nst.global.u32 [%rd5], %r8; //!",
			repair: []string{"@!%p1 mov", "mov"}, check: cuda.Uninitialized, space: "global"},
		{name: "guard", undefinedX: true, broken: "ld.global.u32 %r6, [%rd4]; setp.eq.u32 %p1, %r6, 0;\n@%p1 st.global.u32 [%rd5], %r1; //!",
			repairCase: func(c *checkCase) { c.undefinedX = false }, check: cuda.Uninitialized},
		{name: "atomic operand", undefinedX: true, broken: "ld.global.u32 %r6, [%rd4];\nred.global.add.u32 [%rd5], %r6; //!",
			repairCase: func(c *checkCase) { c.undefinedX = false }, check: cuda.Uninitialized, space: "global", wantObject: "operand y", wantDetail: "operand of the atomic"},
	})
}

// TestOperandsLeftUnwritten: every byte of a write operand must be written by the launch.
func TestOperandsLeftUnwritten(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "last element", yMode: cuda.Write, broken: "setp.eq.u32 %p1, %r5, 127;\n@%p1 ret; //!\nst.global.u32 [%rd5], %r1;", repair: []string{"@%p1 ret;", ""},
			check: cuda.UnwrittenOperand, noLine: true, space: "global", wantObject: "at byte 508 of operand y"},
		{name: "defined before the launch", yMode: cuda.Write, setup: fillY, broken: "setp.eq.u32 %p1, %r5, 60;\n@%p1 ret; //!\nst.global.u32 [%rd5], %r1;", repair: []string{"@%p1 ret;", ""},
			check: cuda.UnwrittenOperand, noLine: true, space: "global", wantObject: "at byte 240 of operand y"},
		{name: "rows", yMode: cuda.Write, change: func(x, y *cuda.Operand) { y.Rows, y.RowBytes, y.Pitch = 8, 48, 64 },
			broken: "and.b32 %r7, %r5, 15; setp.ge.u32 %p1, %r7, 11;\n@%p1 ret; //!\nst.global.u32 [%rd5], %r1;", repair: []string{"11;", "12;"},
			check: cuda.UnwrittenOperand, noLine: true, space: "global", wantObject: "at byte 44 of operand y"},
		{name: "one byte", yMode: cuda.Write, broken: "st.global.u16 [%rd5], %r1;\nst.global.u8 [%rd5+2], %r1; //!", repair: []string{"u8", "u16"},
			check: cuda.UnwrittenOperand, noLine: true, space: "global", wantObject: "at byte 3 of operand y"},
	})
}
