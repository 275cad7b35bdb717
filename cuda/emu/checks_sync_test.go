package emu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// The shared tile of these kernels and the address of a thread's element of it in %r10.
const (
	tileDecl = ".shared .align 16 .b8 tile[1024];\n"
	tileAt   = "mov.u32 %r10, tile; shl.b32 %r11, %r2, 2; add.s32 %r10, %r10, %r11;\n"
	tileFill = tileAt + "st.shared.u32 [%r10], %r2;\n"
)

// TestRaces: conflicting accesses without anything that orders them.
func TestRaces(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "load of what another warp stores", decl: tileDecl, // warp 0 stores before warp 1 loads
			broken: tileFill + "bar.sync 0; xor.b32 %r12, %r11, 128; mov.u32 %r13, tile; add.s32 %r13, %r13, %r12;\nld.shared.u32 %r14, [%r13]; //!\n" +
				"st.shared.u32 [%r10], %r1;", repair: []string{"ld.shared.u32 %r14, [%r13];", "ld.shared.u32 %r14, [%r13]; bar.sync 0;"},
			thr: 32, check: cuda.SharedRace, space: "shared", wantObject: "at byte 0 of tile", wantDetail: "warp 0 (threads 0 to 31) stored"},
		{name: "store to what another warp loads", decl: tileDecl, // warp 0 loads before warp 1 stores
			broken: tileFill + "bar.sync 0; xor.b32 %r12, %r11, 128; mov.u32 %r13, tile; add.s32 %r13, %r13, %r12;\nsetp.lt.u32 %p1, %r2, 32; @%p1 bra L;\n" +
				"st.shared.u32 [%r10], %r1; //!\nret;\nL: ld.shared.u32 %r14, [%r13];", repair: []string{"st.shared.u32 [%r10], %r1;", "st.shared.u32 [%r10+256], %r1;"},
			thr: 32, check: cuda.SharedRace, space: "shared", wantObject: "at byte 128 of tile", wantDetail: "warp 0 (threads 0 to 31) loaded"},
		{name: "two warps store", decl: tileDecl, broken: "st.shared.u32 [tile+8], %r2; //!",
			repair: []string{"st.shared", "setp.ge.u32 %p1, %r2, 32; @%p1 ret; st.shared"}, thr: 32, check: cuda.SharedRace, space: "shared", wantObject: "at byte 8 of tile"},
		{name: "halves of one word", decl: tileDecl, broken: "shr.u32 %r6, %r2, 5; mov.u32 %r10, tile; add.s32 %r10, %r10, %r6;\nst.shared.u8 [%r10], %r2; //!\nst.shared.u8 [%r10+1], %r2;",
			repair: []string{"[%r10+1]", "[%r10+2]"}, thr: 32, check: cuda.SharedRace, space: "shared"},
		{name: "atomic and plain store", decl: tileDecl,
			broken: tileFill + "bar.sync 0; setp.lt.u32 %p1, %r2, 32; @!%p1 bra L;\nred.shared.add.u32 [tile], 1; ret;\nL: st.shared.u32 [tile], %r1; //!",
			repair: []string{"L: st.shared.u32 [tile], %r1;", "L: red.shared.add.u32 [tile], 1;"}, thr: 32, check: cuda.SharedRace, space: "shared"},
		{name: "load after a warp's own atomic", decl: tileDecl, // the other warp's came before
			broken: tileFill + "bar.sync 0; red.shared.add.u32 [tile+4], 1; setp.lt.u32 %p1, %r2, 32; @%p1 bra L;\nld.shared.u32 %r14, [tile+4]; //!\nL: mov.u32 %r15, 0;",
			repair: []string{"1; setp", "1; bar.sync 0; setp"}, thr: 32, check: cuda.SharedRace, space: "shared", wantObject: "at byte 4 of tile",
			wantDetail: "warp 0 (threads 0 to 31) changed atomically"},
		{name: "store after a warp's own atomic", decl: tileDecl,
			broken: tileFill + "bar.sync 0; red.shared.add.u32 [tile+4], 1; setp.lt.u32 %p1, %r2, 32; @%p1 bra L;\nst.shared.u32 [tile+4], %r1; //!\nL: mov.u32 %r15, 0;",
			repair: []string{"1; setp", "1; bar.sync 0; setp"}, thr: 32, check: cuda.SharedRace, space: "shared", wantDetail: "changed atomically"},
		{name: "barrier of other warps", decl: tileDecl, block: 96,
			broken: tileFill + "setp.ge.u32 %p1, %r2, 64; @%p1 bra L; bar.sync 1, 64; ret;\nL: ld.shared.u32 %r6, [tile]; //!",
			repair: []string{"[tile]", "[tile+256]"}, thr: 64, check: cuda.SharedRace, space: "shared"},

		{name: "two blocks store", broken: "st.global.u32 [%rd2], %r1; //!", repair: []string{"%rd2", "%rd5"}, blk: 1,
			check: cuda.GlobalRace, space: "global", wantObject: "operand y", wantDetail: "block (0,0,0) stored"},
		{name: "load of another block's result", broken: "st.global.u32 [%rd5], %r1;\nld.global.u32 %r6, [%rd2]; //!", repair: []string{"[%rd2]", "[%rd5]"}, blk: 1,
			check: cuda.GlobalRace, space: "global", wantObject: "operand y", wantDetail: "block (0,0,0) stored"},
		{name: "store where another block loaded", broken: "ld.global.u32 %r6, [%rd2+256];\nst.global.u32 [%rd5], %r1; //!", repair: []string{"[%rd2+256]", "[%rd5]"}, blk: 1,
			check: cuda.GlobalRace, space: "global", wantObject: "operand y", wantDetail: "block (0,0,0) loaded"},
		{name: "atomic and plain store of blocks", broken: "setp.eq.u32 %p1, %r3, 0; @!%p1 bra L;\nred.global.add.u32 [%rd2], 1; ret;\nL: st.global.u32 [%rd2], %r1; //!",
			repair: []string{"L: st.global.u32 [%rd2], %r1;", "L: red.global.add.u32 [%rd2], 1;"}, blk: 1, check: cuda.GlobalRace, space: "global"},
		{name: "flag without a fence", yMode: cuda.ReadWrite, // the block that comes last loads what the other stored
			broken: "setp.ne.u32 %p1, %r2, 0; @%p1 ret; mul.wide.u32 %rd6, %r3, 4; add.s64 %rd6, %rd6, %rd2; st.global.u32 [%rd6+4], 7;\natom.global.inc.u32 %r6, [%rd2], 1;\n" +
				"setp.ne.u32 %p2, %r6, 1; @%p2 ret; membar.gl;\nld.global.u32 %r7, [%rd2+4]; //!", repair: []string{"atom", "membar.gl; atom"}, blk: 1,
			check: cuda.GlobalRace, space: "global", wantObject: "at byte 4 of operand y", wantDetail: "block (0,0,0) stored"},
		{name: "store after a warp's flag", block: 32, // whose lanes all change it
			broken: "setp.ne.u32 %p1, %r3, 0; @%p1 bra L; membar.gl; red.global.add.u32 [%rd2], 1; st.global.u32 [%rd2+4], %r1; ret;\n" +
				"L: atom.global.add.u32 %r6, [%rd2], 1; membar.gl;\nld.global.u32 %r7, [%rd2+4]; //!",
			repair: []string{"membar.gl; red.global.add.u32 [%rd2], 1; st.global.u32 [%rd2+4], %r1;", "st.global.u32 [%rd2+4], %r1; membar.gl; red.global.add.u32 [%rd2], 1;"}, blk: 1,
			check: cuda.GlobalRace, space: "global", wantObject: "at byte 4 of operand y", wantDetail: "block (0,0,0) stored"},
		{name: "flag that is stored plainly", broken: "setp.ne.u32 %p1, %r2, 0; @%p1 ret; mul.wide.u32 %rd6, %r3, 4; add.s64 %rd6, %rd6, %rd2; st.global.u32 [%rd6+4], 7; membar.gl;\n" +
			"setp.ne.u32 %p2, %r3, 0; @%p2 bra L; st.global.u32 [%rd2], 1; ret;\nL: ld.global.u32 %r6, [%rd2]; //!",
			repair: []string{"st.global.u32 [%rd2], 1;", "st.release.gpu.global.u32 [%rd2], 1;", "ld.global.u32 %r6", "ld.acquire.gpu.global.u32 %r6"}, blk: 1, check: cuda.GlobalRace, space: "global"},
		{name: "store where another block loaded atomically", broken: "setp.ne.u32 %p1, %r3, 0; @%p1 bra L; ld.volatile.global.u32 %r6, [%rd2]; ret;\nL: st.global.u32 [%rd2], %r1; //!",
			repair: []string{"L: st.global.u32 [%rd2], %r1;", "L: ld.global.u32 %r6, [%rd2];"}, blk: 1, check: cuda.GlobalRace, space: "global", wantDetail: "block (0,0,0) loaded"},
		{name: "atomic load of a plain store", // which the storing block has loaded, too
			broken: "setp.ne.u32 %p1, %r3, 0; @%p1 bra L; st.global.u32 [%rd2], %r1; ld.volatile.global.u32 %r6, [%rd2]; ret;\nL: ld.volatile.global.u32 %r6, [%rd2]; //!",
			repair: []string{"st.global.u32 [%rd2], %r1;", "st.volatile.global.u32 [%rd2], %r1;"}, blk: 1, check: cuda.GlobalRace, space: "global", wantDetail: "loads what block (0,0,0) stored"},
		{name: "bytes of one word", broken: "mul.wide.u32 %rd6, %r3, 1; add.s64 %rd6, %rd6, %rd2;\nst.global.u8 [%rd6], %r1; //!\nst.global.u8 [%rd6+1], %r1;",
			repair: []string{"[%rd6+1]", "[%rd6+2]"}, blk: 1, wantObject: "at byte 1 of operand y", wantDetail: "block (0,0,0) stored", check: cuda.GlobalRace, space: "global"},
	})
}

// TestBarriers: barriers that some threads do not reach, and threads that wait for each other.
func TestBarriers(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "half a warp", broken: "setp.lt.u32 %p1, %r2, 48;\n@%p1 bar.sync 0; //!", repair: []string{"@%p1 bar", "bar"},
			thr: 32, check: cuda.BarrierDivergence, wantDetail: "thread (48,0,0)"},
		{name: "branch around it", broken: "setp.eq.u32 %p1, %r2, 5; @%p1 bra L;\nbar.sync 0; //!\nL: mov.u32 %r6, 0;", repair: []string{"bar.sync 0;", "", "L:", "L: bar.sync 0;"},
			check: cuda.BarrierDivergence, wantDetail: "thread (5,0,0)"},
		{name: "a warp has exited", broken: "setp.ge.u32 %p1, %r2, 32; @%p1 ret;\nbar.sync 0; //!", repair: []string{"@%p1 ret;", ""},
			check: cuda.BarrierDivergence, wantDetail: "thread (32,0,0) has exited"},
		{name: "a thread has exited", broken: "setp.eq.u32 %p1, %r2, 40; @%p1 ret;\nbar.sync 0; //!", repair: []string{"@%p1 ret;", ""},
			thr: 32, check: cuda.BarrierDivergence, wantDetail: "thread (40,0,0) has exited"},
		{name: "different barriers", broken: "setp.lt.u32 %p1, %r2, 32; @!%p1 bra L;\nbar.sync 1; //!\nret;\nL: bar.sync 2;", repair: []string{"sync 1", "sync 2"},
			check: cuda.Deadlock, wantDetail: "thread (32,0,0)"},
		{name: "too few threads", broken: "setp.lt.u32 %p1, %r2, 32; @!%p1 bra L;\nbar.sync 1, 64; //!\nret;\nL: mov.u32 %r6, 0; bar.sync 2, 64;", repair: []string{"bar.sync 1, 64;", "bar.sync 2, 64;"},
			check: cuda.Deadlock},
		{name: "crossed barriers", broken: "setp.lt.u32 %p1, %r2, 32; @!%p1 bra L;\nbar.sync 1; //!\nbar.sync 2; ret;\nL: bar.sync 2; bar.sync 1;",
			repair: []string{"bar.sync 2; bar.sync 1;", "bar.sync 1; bar.sync 2;"}, check: cuda.Deadlock},
		{name: "number of threads", broken: "bar.sync 1, 40; //!", repair: []string{"40", "64"}, check: cuda.InvalidArgument},
	})
}

// TestAsyncCopies: the data of cp.async must not be touched before its wait, and not be read by others before a barrier.
func TestAsyncCopies(t *testing.T) {
	const issue = tileAt + "cp.async.ca.shared.global [%r10], [%rd4], 4;\n"
	runCheckCases(t, []checkCase{
		{name: "no wait", decl: tileDecl, broken: issue + "cp.async.commit_group;\nld.shared.u32 %r6, [%r10]; //!",
			repair: []string{"cp.async.commit_group;", "cp.async.commit_group; cp.async.wait_group 0;"}, check: cuda.AsyncCopyRace, space: "shared", wantObject: "tile"},
		{name: "wait for too few groups", decl: tileDecl, broken: issue + "cp.async.commit_group; cp.async.ca.shared.global [%r10+512], [%rd4], 4; cp.async.commit_group; cp.async.wait_group 1;\n" +
			"ld.shared.u32 %r6, [%r10+512]; //!", repair: []string{"wait_group 1", "wait_group 0"}, check: cuda.AsyncCopyRace, space: "shared"},
		{name: "the first of two groups", decl: tileDecl, broken: issue + "cp.async.commit_group; cp.async.ca.shared.global [%r10+512], [%rd4], 4; cp.async.commit_group; cp.async.wait_group 2;\n" +
			"ld.shared.u32 %r6, [%r10]; //!", repair: []string{"wait_group 2", "wait_group 1"}, check: cuda.AsyncCopyRace, space: "shared"},
		{name: "not committed", decl: tileDecl, broken: issue + "cp.async.wait_group 0;\nld.shared.u32 %r6, [%r10]; //!",
			repair: []string{"cp.async.wait_group 0", "cp.async.wait_all"}, check: cuda.AsyncCopyRace, space: "shared"},
		{name: "store to the destination", decl: tileDecl, broken: issue + "st.shared.u32 [%r10], %r1; //!",
			repair: []string{"st.shared", "cp.async.wait_all; st.shared"}, check: cuda.AsyncCopyRace, space: "shared"},
		{name: "other warp's copy", decl: tileDecl,
			broken: issue + "cp.async.wait_all; xor.b32 %r12, %r11, 128; mov.u32 %r13, tile; add.s32 %r13, %r13, %r12; setp.lt.u32 %p1, %r2, 32; @%p1 ret;\nld.shared.u32 %r6, [%r13]; //!",
			repair: []string{"cp.async.wait_all;", "cp.async.wait_all; bar.sync 0;"}, thr: 32, check: cuda.SharedRace, space: "shared"},
		{name: "barrier without wait", decl: tileDecl,
			broken: issue + "bar.sync 0; xor.b32 %r12, %r11, 128; mov.u32 %r13, tile; add.s32 %r13, %r13, %r12;\nld.shared.u32 %r6, [%r13]; //!",
			repair: []string{"bar.sync 0;", "cp.async.wait_all; bar.sync 0;"}, check: cuda.AsyncCopyRace, space: "shared"},
	})
}

// TestLimits: what ends a kernel by itself.
func TestLimits(t *testing.T) {
	runCheckCases(t, []checkCase{
		{name: "trap", broken: "setp.eq.u32 %p1, %r5, 77;\n@%p1 trap; //!", repair: []string{"77", "777"}, blk: 1, thr: 13, check: cuda.Trap},
		{name: "recursion", decl: ".func f(.param .b32 a);\n.func f(.param .b32 a) { .reg .b32 %r<3>; .reg .pred p; .local .align 16 .b8 depot[64];\n" +
			"ld.param.u32 %r1, [a]; setp.eq.u32 p, %r1, 0; @p ret; sub.u32 %r1, %r1, 1;\n{ .param .b32 p0; st.param.b32 [p0], %r1; call.uni f, (p0); }\nret; }\n",
			broken: "mov.u32 %r6, 1000000;\n{ .param .b32 p0; st.param.b32 [p0], %r6; call.uni f, (p0); }", repair: []string{"1000000", "3"},
			check: cuda.CallDepth, anyLine: true},
		{name: "call of no function", broken: "{ p: .callprototype ()_ ();\ncall %rd1, (), p; //!\n}", repair: []string{"call %rd1, (), p;", ""}, check: cuda.InvalidArgument},
	})
}

// TestTemporaries: a launch may use a temporary only between the launches that begin and end its life.
func TestTemporaries(t *testing.T) {
	life := func(begins, ends bool) cuda.Life { return cuda.Life{Temporary: 7, Begins: begins, Ends: ends} }
	for _, c := range []struct {
		name  string
		lives []cuda.Life // of y in successive launches
		bad   int         // the launch that is reported, -1 for none
	}{
		{"whole life", []cuda.Life{life(true, false), life(false, false), life(false, true)}, -1},
		{"twice", []cuda.Life{life(true, true), life(true, true)}, -1},
		{"used before it begins", []cuda.Life{life(false, false)}, 0},
		{"used after its end", []cuda.Life{life(true, true), life(false, false)}, 1},
		{"overlaps another", []cuda.Life{life(true, false), {Temporary: 8, Begins: true}}, 1},
		{"follows another", []cuda.Life{life(true, true), {Temporary: 8, Begins: true}}, -1},
		{"no temporary", []cuda.Life{{}, {}}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := emutest.Open(t)
			var cc checkCase
			text, _ := cc.source("st.global.u32 [%rd5], %r1;")
			m, err := d.LoadModule("life.ptx", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			f, err := m.Function("k")
			if err != nil {
				t.Fatal(err)
			}
			y, err := d.Alloc(256, "arena")
			if err != nil {
				t.Fatal(err)
			}
			s, err := d.NewStream()
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range c.lives {
				o := cuda.Range("temp", y.Ptr(), 256, cuda.Write)
				o.Life = l
				err = s.Launch(f, cuda.Launch{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 64}, Args: []any{cuda.DevicePtr(0), y.Ptr(), uint32(1)},
					Operands: []cuda.Operand{o}, Label: "layer"})
				if err == nil {
					err = s.Synchronize()
				}
				if i != c.bad {
					if err != nil {
						t.Fatalf("launch %d: %v", i, err)
					}
					continue
				}
				var e *cuda.Error
				if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.TemporaryLife || !strings.Contains(e.Fault.Object, "temp") || e.Fault.Label != "layer" {
					t.Fatalf("launch %d: got %v, want a report of %s", i, err, cuda.TemporaryLife)
				}
			}
		})
	}
}

// TestTemporaryContents: what a temporary held before its life, and after it, is undefined.
func TestTemporaryContents(t *testing.T) {
	copyKernel := "ld.global.u32 %r6, [%rd4];\nst.global.u32 [%rd5], %r6; //!"
	tempX := func(l cuda.Life) func(x, y *cuda.Operand) {
		return func(x, y *cuda.Operand) { x.Life = l; x.Mode = cuda.ReadWrite }
	}
	runCheckCases(t, []checkCase{
		{name: "contents before its life", broken: copyKernel, change: tempX(cuda.Life{Temporary: 1, Begins: true, Ends: true}),
			repairCase: func(c *checkCase) { c.change = nil }, check: cuda.Uninitialized, space: "global"},
	})
}

// TestTarget: instructions that the target does not have are refused when the module is loaded, with their line.
func TestTarget(t *testing.T) {
	for _, c := range []struct{ target, inst, want string }{
		{"sm_70", "cp.async.wait_all;", "cp.async.wait_all"},
		{"sm_70", "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r6}, [%r7];", "ldmatrix"},
		{"sm_75", "cvt.rn.bf16.f32 %h1, %f1;", "cvt.rn.bf16.f32"},
		{"sm_75", "redux.sync.add.u32 %r6, %r7, -1;", "redux"},
		{"sm_80", "wgmma.fence.sync.aligned;", "wgmma"},
		{"sm_80", "barrier.cluster.arrive;", "barrier.cluster"},
		{"sm_80", "no.such.op %r6;", "no.such.op"},
	} {
		d := emutest.Open(t)
		var cc checkCase
		text, line := cc.source("\n" + c.inst + " //!")
		_, err := d.LoadModule("target.ptx", []byte(strings.Replace(text, "sm_80", c.target, 1)))
		var e *cuda.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), fmt.Sprintf("target.ptx:%d:", line)) {
			t.Errorf("%s for %s: got %v, want an error that names %s and line %d", c.inst, c.target, err, c.want, line)
		}
	}
}
