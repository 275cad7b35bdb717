package emu_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// count runs the body of a check kernel (see checkPrologue) and returns its counters less those of the empty kernel.
func count(t *testing.T, decl, body string, grid, block int) cuda.LaunchCounters {
	t.Helper()
	return difference(countWhole(t, decl, body, grid, block), countWhole(t, decl, "", grid, block))
}

func countWhole(t *testing.T, decl, body string, grid, block int) cuda.LaunchCounters {
	t.Helper()
	d := emutest.Open(t)
	p, ok := d.Device.(cuda.Profiler)
	if !ok {
		t.Fatal("the emulator does not count")
	}
	c := checkCase{decl: decl}
	text, _ := c.source(body)
	m, err := d.LoadModule("count.ptx", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	const elems = 1 << 14
	x := emutest.InOut(d, "x", make([]uint32, elems))
	y := emutest.InOut(d, "y", make([]uint32, elems))
	p.StartCounting()
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: grid}, Block: cuda.Dim3{X: block}}, x, y, uint32(elems))
	all := p.StopCounting()
	if len(all) != 1 {
		t.Fatalf("%d launches were counted, want 1", len(all))
	}
	return all[0]
}

// difference subtracts the counters that the tests compare.
func difference(a, b cuda.LaunchCounters) cuda.LaunchCounters {
	sub := func(x, y cuda.ClassCounters) cuda.ClassCounters {
		return cuda.ClassCounters{Integer: x.Integer - y.Integer, Float32: x.Float32 - y.Float32, Half: x.Half - y.Half, Float64: x.Float64 - y.Float64,
			Tensor: x.Tensor - y.Tensor, Convert: x.Convert - y.Convert, Move: x.Move - y.Move, Predicate: x.Predicate - y.Predicate,
			Special: x.Special - y.Special, Load: x.Load - y.Load, Store: x.Store - y.Store, Atomic: x.Atomic - y.Atomic,
			Barrier: x.Barrier - y.Barrier, Branch: x.Branch - y.Branch, Cross: x.Cross - y.Cross, Other: x.Other - y.Other}
	}
	a.Instructions.Warp = sub(a.Instructions.Warp, b.Instructions.Warp)
	a.Instructions.Thread = sub(a.Instructions.Thread, b.Instructions.Thread)
	a.Kernel, a.Grid, a.Block = "", cuda.Dim3{}, cuda.Dim3{}
	return a
}

func TestCountInstructions(t *testing.T) {
	body := `add.s32 %r6, %r5, 1; mad.lo.s32 %r6, %r6, %r6, 3; and.b32 %r6, %r6, 7;
fma.rn.f32 %f1, 0f3F800000, 0f3F800000, 0f3F800000; mul.f32 %f1, %f1, %f1;
cvt.rn.f32.u32 %f2, %r6; setp.lt.u32 %p1, %r2, 8; ex2.approx.f32 %f2, %f2;
@%p1 add.s32 %r6, %r6, 1;
@%p1 bra L;
add.s32 %r6, %r6, 1; add.s32 %r6, %r6, 1;
L: shfl.sync.idx.b32 %r7, %r6, 0, 31, -1; bar.sync 0;`
	got := count(t, "", body, 3, 64)
	const warps, threads = 6, 192
	guarded := int64(8 * 3) // threads below 8 of each block
	want := cuda.LaunchCounters{}
	want.Instructions.Warp = cuda.ClassCounters{Integer: 4*warps + 2*warps, Float32: 2 * warps, Convert: warps, Predicate: warps, Special: warps, Branch: warps, Cross: warps, Barrier: warps}
	want.Instructions.Thread = cuda.ClassCounters{Integer: 3*threads + guarded + 2*(threads-guarded), Float32: 2 * threads, Convert: threads, Predicate: threads,
		Special: threads, Branch: threads, Cross: threads, Barrier: threads}
	want.FLOPs = cuda.FLOPCounters{Float32: 3 * threads, Special: threads}
	want.Barriers = warps
	want.DivergentBranches = 3
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("counters (-want +got):\n%s", d)
	}
}

// TestCountSectors: a warp's access of 32-bit elements with a stride touches this many sectors of 32 bytes.
func TestCountSectors(t *testing.T) {
	for _, c := range []struct {
		name, body         string
		loads, bytes       int64
		sectors            int64
		stores, storeBytes int64
		storeSectors       int64
	}{
		{"contiguous", "ld.global.u32 %r6, [%rd4];", 2, 256, 8, 0, 0, 0},
		{"one element", "ld.global.u32 %r6, [%rd1];", 2, 256, 2, 0, 0, 0},
		{"shifted by one", "ld.global.u32 %r6, [%rd4+4];", 2, 256, 10, 0, 0, 0},
		{"stride 2", "add.s64 %rd6, %rd4, %rd3; ld.global.u32 %r6, [%rd6];", 2, 256, 16, 0, 0, 0},
		{"stride 32", "mul.wide.u32 %rd6, %r2, 128; add.s64 %rd6, %rd6, %rd1; ld.global.u32 %r6, [%rd6];", 2, 256, 64, 0, 0, 0},
		{"vectors of 16 bytes", "mul.wide.u32 %rd6, %r2, 16; add.s64 %rd6, %rd6, %rd1; ld.global.v4.u32 {%r6, %r7, %r8, %r9}, [%rd6];", 2, 1024, 32, 0, 0, 0},
		{"bytes", "cvt.u64.u32 %rd6, %r2; add.s64 %rd6, %rd6, %rd1; ld.global.u8 %r6, [%rd6];", 2, 64, 2, 0, 0, 0},
		{"half of the threads", "and.b32 %r6, %r2, 1; setp.eq.u32 %p1, %r6, 0; @%p1 ld.global.u32 %r6, [%rd4];", 2, 128, 8, 0, 0, 0},
		{"store", "st.global.u32 [%rd5], %r2;", 0, 0, 0, 2, 256, 8},
		{"scattered store", "mul.wide.u32 %rd6, %r2, 64; add.s64 %rd6, %rd6, %rd2; st.global.u16 [%rd6], %r2;", 0, 0, 0, 2, 128, 64},
	} {
		g := count(t, "", c.body, 1, 64).Global
		want := cuda.MemoryCounters{LoadAccesses: c.loads, LoadBytes: c.bytes, LoadSectors: c.sectors, StoreAccesses: c.stores, StoreBytes: c.storeBytes, StoreSectors: c.storeSectors}
		if d := cmp.Diff(want, g); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestCountWavefronts: a warp's access of shared memory takes this many passes over 32 banks of 4 bytes.
func TestCountWavefronts(t *testing.T) {
	for _, c := range []struct {
		shift         int    // log2 of the stride in bytes
		inst          string // %r8 is the address
		bytes         int64  // per thread
		fronts, ideal int64
	}{
		{2, "st.shared.u32 [%r8], %r2;", 4, 1, 1},
		{3, "st.shared.u32 [%r8], %r2;", 4, 2, 1},
		{4, "st.shared.u32 [%r8], %r2;", 4, 4, 1},
		{7, "st.shared.u32 [%r8], %r2;", 4, 32, 1},
		{1, "st.shared.u16 [%r8], %r2;", 2, 1, 1},
		{0, "st.shared.u8 [%r8], %r2;", 1, 1, 1},
		{3, "st.shared.v2.u32 [%r8], {%r2, %r2};", 8, 2, 2},
		{4, "st.shared.v4.u32 [%r8], {%r2, %r2, %r2, %r2};", 16, 4, 4},
		{7, "st.shared.v4.u32 [%r8], {%r2, %r2, %r2, %r2};", 16, 32, 4},
	} {
		body := fmt.Sprintf("mov.u32 %%r6, tile; shl.b32 %%r7, %%r2, %d; add.s32 %%r8, %%r6, %%r7; %s", c.shift, c.inst)
		s := count(t, ".shared .align 128 .b8 tile[4096];\n", body, 1, 32).Shared
		want := cuda.SharedCounters{StoreAccesses: 1, StoreBytes: 32 * c.bytes, StoreWavefronts: c.fronts, StoreIdeal: c.ideal}
		if d := cmp.Diff(want, s); d != "" {
			t.Errorf("stride of %d bytes, %s (-want +got):\n%s", 1<<c.shift, c.inst, d)
		}
	}
	s := count(t, ".shared .align 128 .b8 tile[4096];\n", "st.shared.u32 [tile], 1; ld.shared.u32 %r6, [tile];", 1, 32).Shared
	if s.LoadWavefronts != 1 || s.LoadIdeal != 1 || s.LoadBytes != 128 {
		t.Errorf("broadcast: got %+v", s)
	}
}

func TestCountOthers(t *testing.T) {
	decl := ".shared .align 128 .b8 tile[4096];\n"
	at := "mov.u32 %r6, tile; shl.b32 %r7, %r2, 2; add.s32 %r8, %r6, %r7;\n"
	if c := count(t, decl, "red.global.add.u32 [%rd2], 1; atom.global.max.u32 %r6, [%rd5], 1;", 2, 64); c.Atomics != 256 || c.Instructions.Warp.Atomic != 8 {
		t.Errorf("atomics: %+v", c)
	}
	if c := count(t, decl, at+"cp.async.ca.shared.global [%r8], [%rd4], 4; cp.async.wait_all;", 1, 64); c.AsyncCopies != 256 || c.Global.LoadSectors != 8 || c.Global.LoadBytes != 256 || c.Shared.StoreBytes != 256 {
		t.Errorf("asynchronous copies: %+v", c)
	}
	mma := "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%r6,%r6,%r6,%r6}, {%r6,%r6}, {%f1,%f2,%f3,%f4};"
	zero := "mov.u32 %r6, 0; mov.f32 %f1, 0f00000000; mov.f32 %f2, %f1; mov.f32 %f3, %f1; mov.f32 %f4, %f1;\n"
	if c := count(t, decl, zero+mma+mma, 1, 64); c.FLOPs.TensorBF16 != 4*4096 || c.Instructions.Warp.Tensor != 4 {
		t.Errorf("tensor cores: %+v", c)
	}
	local := ".local .align 4 .b8 depot[16]; st.local.u32 [depot], %r2; ld.local.u32 %r6, [depot];"
	if c := count(t, decl, local, 1, 64); c.Local.LoadBytes != 256 || c.Local.StoreBytes != 256 || c.Local.LoadAccesses != 2 || c.Local.StoreAccesses != 2 {
		t.Errorf("local memory: %+v", c)
	}
	if c := count(t, decl, ".reg .f64 %fd; fma.rn.f64 %fd, 0d3FF0000000000000, 0d3FF0000000000000, 0d3FF0000000000000;", 1, 64); c.FLOPs.Float64 != 128 {
		t.Errorf("double precision: %+v", c)
	}
}
