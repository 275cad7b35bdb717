package emu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// TestUndefinedTravels: undefined values pass through every way of moving data, to the store that makes them visible.
func TestUndefinedTravels(t *testing.T) {
	const undef = "ld.global.u32 %r6, [%rd4];\n"
	define := func(c *checkCase) { c.undefinedX = false }
	stored := func(name, move string) checkCase {
		return checkCase{name: name, decl: tileDecl + ".func (.param .b32 r) same(.param .b32 a) { .reg .b32 %r; ld.param.b32 %r, [a]; st.param.b32 [r], %r; ret; }\n",
			undefinedX: true, broken: undef + move + "\nst.global.u32 [%rd5], %r7; //!", repairCase: define, check: cuda.Uninitialized, space: "global", wantObject: "operand y"}
	}
	runCheckCases(t, []checkCase{
		stored("arithmetic", "mad.lo.u32 %r7, %r6, 0, 5;"),
		stored("selection", "setp.eq.u32 %p1, %r1, %r1; selp.b32 %r7, %r6, %r1, %p1;"),
		stored("conversion", "cvt.u64.u32 %rd6, %r6; cvt.u32.u64 %r7, %rd6;"),
		stored("packing", "mov.b64 %rd6, {%r1, %r6}; mov.b64 {%r8, %r7}, %rd6;"),
		stored("predicate", "setp.eq.u32 %p1, %r6, 0; selp.b32 %r7, 1, 2, %p1;"),
		stored("call", "{ .param .b32 p0; .param .b32 r0; st.param.b32 [p0], %r6; call.uni (r0), same, (p0); ld.param.b32 %r7, [r0]; }"),
		stored("shuffle", "shfl.sync.bfly.b32 %r7, %r6, 1, 31, -1;"),
		stored("vote", "setp.eq.u32 %p1, %r6, 0; vote.sync.ballot.b32 %r7, %p1, -1;"),
		stored("match", "match.any.sync.b32 %r7, %r6, -1;"),
		stored("warp reduction", "redux.sync.add.u32 %r7, %r6, -1;"),
		stored("permutation", "prmt.b32 %r7, %r1, %r6, 0x5410;"),
		stored("local memory", ".local .align 8 .b8 own[8]; st.local.u32 [own+4], %r6; ld.local.u32 %r7, [own+4];"),
		stored("asynchronous copy", tileAt+"cp.async.ca.shared.global [%r10], [%rd4], 4; cp.async.wait_all; ld.shared.u32 %r7, [%r10];"),
		stored("matrix product", "mov.f32 %f5, 0f00000000; mov.u32 %r8, 0; mov.u32 %r9, 0; mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r6, %r8}, {%r9}, {%f5, %f5, %f5, %f5}; mov.b32 %r7, %f1;"),
		stored("matrix load", tileAt+"and.b32 %r11, %r2, 31; mov.u32 %r10, tile; shr.u32 %r12, %r2, 5; mad.lo.u32 %r10, %r12, 512, %r10; mad.lo.u32 %r10, %r11, 16, %r10;\n"+
			"st.shared.v4.u32 [%r10], {%r6, %r6, %r6, %r6}; bar.sync 0; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r7}, [%r10];"),
	})
}

// TestUndefinedControl: an undefined value must not decide where a thread goes or what it waits for.
func TestUndefinedControl(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "jump table", broken: "t: .branchtargets A, B;\nbrx.idx %r20, t; //!\nA: ret; B:", repair: []string{"t: .", "mov.u32 %r20, 1; t: ."}, check: cuda.Uninitialized},
		{name: "function pointer", decl: ".func f() { ret; }\n", broken: "{ p: .callprototype ()_ ();\ncall %rd20, (), p; //!\n}", repair: []string{"{ p:", "mov.u64 %rd20, f; { p:"}, check: cuda.Uninitialized},
		{name: "barrier", broken: "bar.sync %r20; //!", repair: []string{"bar", "mov.u32 %r20, 1; bar"}, check: cuda.Uninitialized},
		{name: "destination of an asynchronous copy", decl: tileDecl, broken: "cp.async.ca.shared.global [%r20], [%rd4], 4; //!\ncp.async.wait_all;", grid: 1, block: 32,
			repair: []string{"cp.async.ca", "mov.u32 %r20, tile; mad.lo.u32 %r20, %r2, 4, %r20; cp.async.ca"}, check: cuda.Uninitialized},
		{name: "shuffle source", broken: "shfl.sync.idx.b32 %r6, %r1, %r20, 31, -1; //!", repair: []string{"shfl", "mov.u32 %r20, 1; shfl"}, check: cuda.Uninitialized, wantDetail: "lane"},
		{name: "block reduction", broken: "setp.eq.u32 %p1, %r20, 0;\nbar.red.popc.u32 %r6, 0, %p1; //!", repair: []string{"setp", "mov.u32 %r20, 1; setp"}, check: cuda.Uninitialized},
		{name: "atomic on global bytes", undefinedX: true, change: func(x, y *cuda.Operand) { x.Mode = cuda.ReadWrite }, broken: "red.global.add.u32 [%rd4], 1; //!",
			repair: []string{"red", "st.global.u32 [%rd4], 0; red"}, check: cuda.Uninitialized, space: "global", wantObject: "operand x"},
		{name: "atomic on shared bytes", decl: tileDecl, broken: tileAt + "red.shared.add.u32 [%r10], 1; //!", repair: []string{"red", "st.shared.u32 [%r10], 0; red"},
			check: cuda.Uninitialized, space: "shared", wantObject: "tile"},
	})
}

// TestInvalidOperands: operand values that have no meaning.
func TestInvalidOperands(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "jump beyond the table", broken: "t: .branchtargets A, B;\nbrx.idx %r2, t; //!\nA: ret; B:", repair: []string{"brx.idx %r2", "and.b32 %r6, %r2, 1; brx.idx %r6"}, thr: 2, check: cuda.InvalidArgument},
		{name: "barrier number", broken: "bar.sync %r1; //!", repair: []string{"bar.sync %r1", "and.b32 %r6, %r1, 15; bar.sync %r6"}, check: cuda.InvalidArgument},
		{name: "two counts for one barrier", block: 96, broken: "setp.lt.u32 %p1, %r2, 32; @!%p1 bra L;\nbar.sync 1, 64; ret;\nL: bar.sync 1, 96; //!", repair: []string{"bar.sync 1, 64; ret;", "bar.sync 1, 96; ret;"},
			thr: 32, check: cuda.InvalidArgument},
		{name: "shuffle without a member", broken: "shfl.sync.idx.b32 %r6, %r1, 0, 31, 0xffff; //!", repair: []string{"0xffff", "0xffffffff"}, thr: 16, check: cuda.InvalidArgument},
		{name: "atomic on local memory", broken: ".local .align 8 .b8 own[8]; mov.u64 %rd6, own; cvta.local.u64 %rd6, %rd6; st.u32 [%rd6], 0;\natom.add.u32 %r6, [%rd6], 1; //!",
			repair: []string{"atom.add.u32 %r6, [%rd6], 1;", "ld.u32 %r6, [%rd6];"}, check: cuda.OutOfBounds, anySpace: true},
		{name: "size of an asynchronous copy", decl: tileDecl, broken: tileAt + "cp.async.ca.shared.global [%r10], [%rd4], 4, %r6; //!\ncp.async.wait_all;",
			repair: []string{"%r6;", "%r7;", "cp.async.ca", "mov.u32 %r7, 3; cp.async.ca"}, check: cuda.Uninitialized, anySpace: true},
	})
}

// TestRefusedInstructions: what does not fit together is refused when the module is loaded, with the line.
func TestRefusedInstructions(t *testing.T) {
	for _, inst := range []string{
		"add.s32 %r6, %r7;", "add.s32 %r6, %r7, %r8, %r9;", "add.s32 %rd6, %r7, %r8;", "add.s32 %r6, %rd7, %r8;", "add.s32 %r6, %p1, %r8;", "add.s32 %p1, %r7, %r8;", "add.s32 5, %r7, %r8;",
		"add.f32 %h1, %f1, %f2;", "add.s64 %rd6, %r7, %rd8;", "mov.u32 %r6, {%r7, %r8};", "mov.b64 {%r6, %r7, %r8}, %rd6;", "mov.b32 {%r6, %r7}, %r8;",
		"mov.u32 %r6;", "mov.u32 %r6, %clusterid.x;", "setp.eq.s32 %r6, %r7, %r8;", "setp.eq.s32 %p1, %r7;", "setp.eq.and.s32 %p1, %r7, %r8;", "selp.b32 %r6, %r7, %r8, %r9;", "cvt.u64.u32 %r6, %r7;", "cvt.u32.u64 %r6, %r7;",
		"ld.global.u32 %r6, %rd4;", "ld.global.u32 [%rd4], %r6;", "ld.global.v2.u32 %r6, [%rd4];", "ld.global.v2.u32 {%r6, %r7, %r8}, [%rd4];", "ld.global.u64 %r6, [%rd4];", "ld.global.u32 %p1, [%rd4];",
		"ld.shared.u32 %r6, [%p1];", "st.global.u32 [%rd4];", "st.global.v4.u32 [%rd4], {%r6, %r7};", "st.global.u64 [%rd4], %r6;", "st.const.u32 [%rd4], %r6;",
		"atom.global.add.u32 %r6, [%rd4];", "atom.global.cas.b32 %r6, [%rd4], %r7;", "atom.global.add.u64 %r6, [%rd4], %rd6;", "red.global.add.u32 %r6, [%rd4], %r7;",
		"bar.sync;", "bar.sync 0, 32, 1;", "bar.sync %rd1;", "bar.red.popc.u32 %r6, 0, %r7;", "shfl.sync.idx.b32 %r6, %r7, 0, 31;", "vote.sync.all.pred %r6, %p1, -1;", "vote.sync.ballot.b32 %p1, %p2, -1;",
		"match.any.sync.b64 %r6, %r7, -1;", "redux.sync.add.u32 %rd6, %r7, -1;", "cp.async.ca.shared.global [%r6], [%rd4], 5;", "cp.async.cg.shared.global [%r6], [%rd4], 8;", "cp.async.wait_group;", "cp.async.wait_group %r6;",
		"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r6, %r7}, [%r8];", "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%rd6}, [%r8];",
		"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3}, {%r6,%r6,%r6,%r6}, {%r6,%r6}, {%f1,%f2,%f3,%f4};", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%r6,%r6}, {%r6,%r6}, {%f1,%f2,%f3,%f4};",
		"call missing, ();", "call (%r6), f, ();", "call f, (%r6);", "call %r6, (), f;", "lop3.b32 %r6, %r7, %r8, %r9, %r1;", "lop3.b32 %r6, %r7, %r8, %r9, 300;", "bfi.b32 %r6, %r7, %r8, %r9;",
		"add.f32 %f1, %f2, 1;", "add.s32 %r6, %r7, 0f3F800000;", "mov.b64 %rd6, 0f3F800000;", "mov.b16 %h1, 0f3F800000;", "mov.b32 %r6, {_, %h1};",
		"isspacep.shared %r6, %rd1;", "cvta.to.global.u64 %r6, %rd1;", "prmt.b32 %r6, %r7, %r8;", "wmma.load.a.sync.aligned.m16n16k16.global.row.f16 {%r6}, [%rd4], %r7;", "tex.1d.v4.f32.s32 {%f1,%f2,%f3,%f4}, [%rd1, {%r6}];",
		"{ .param .b32 p0; ld.param.b32 %r6, [p0+0x7fffffffffffffff]; }", "{ .param .b32 p0; st.param.b32 [p0+4], %r6; }", "{ .param .b32 p0; ld.param.b32 %r6, [p0+-4]; }",
		"mbarrier.init.shared.b64 [%r6], 1;", "cp.async.bulk.commit_group;", "griddepcontrol.wait;", "setmaxnreg.inc.sync.aligned.u32 32;", "discard.global.L2 [%rd4], 128;",
	} {
		c := checkCase{decl: ".func f() { ret; }\n"}
		text, line := c.source("\n" + inst + " //!")
		d := emutest.Open(t)
		_, err := d.LoadModule("refused.ptx", []byte(text))
		var e *cuda.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want it refused", inst, err)
		} else if want := fmt.Sprintf("refused.ptx:%d:", line); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", inst, err, want)
		}
	}
}
