package emu_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// launchText runs kernel k of a PTX text on a fresh device with the given number of workers; args gets the two buffers.
func launchText(t *testing.T, text string, workers int, grid, block int, x, y []uint32) ([]uint32, error) {
	t.Helper()
	d, err := emu.Open("a100", emu.Workers(workers))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := d.LoadModule("text.ptx", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	up := func(label string, v []uint32) cuda.Memory {
		mem, err := d.Alloc(int64(4*len(v)), label)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.CopyToDevice(mem.Ptr(), emutest.Bytes(v)); err != nil {
			t.Fatal(err)
		}
		return mem
	}
	mx, my := up("x", x), up("y", y)
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Launch(f, cuda.Launch{Grid: cuda.Dim3{X: grid}, Block: cuda.Dim3{X: block}, Args: []any{mx.Ptr(), my.Ptr()}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Synchronize(); err != nil {
		return nil, err
	}
	out := make([]uint32, len(y))
	if err := d.CopyToHost(emutest.Bytes(out), my.Ptr()); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

const textHead = `.version 8.4
.target sm_80
.address_size 64
.visible .entry k(.param .u64 x, .param .u64 y)
{
.reg .pred %p<9>; .reg .b32 %r<30>; .reg .b64 %rd<30>;
ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y];
cvta.to.global.u64 %rd1, %rd1; cvta.to.global.u64 %rd2, %rd2;
mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %nctaid.x;
mul.wide.u32 %rd3, %r1, 4; add.s64 %rd4, %rd1, %rd3; add.s64 %rd5, %rd2, %rd3;
`

// lastBlock is the reduction in which every block leaves its part in y and the last one to count itself in adds the parts.
// y[0] is the counter, y[1] the sum, the parts follow.
const lastBlock = textHead + `
mul.wide.u32 %rd6, %r2, 4; add.s64 %rd7, %rd1, %rd6; add.s64 %rd8, %rd2, %rd6;
ld.global.u32 %r4, [%rd7];
st.global.u32 [%rd8+8], %r4;
FENCE
atom.global.add.u32 %r5, [%rd2], 1;
add.u32 %r6, %r5, 1;
setp.ne.u32 %p1, %r6, %r3;
@%p1 ret;
mov.u32 %r7, 0; mov.u32 %r8, 0; add.s64 %rd9, %rd2, 8;
LOOP: ld.global.u32 %r9, [%rd9]; add.u32 %r7, %r7, %r9; add.s64 %rd9, %rd9, 4; add.u32 %r8, %r8, 1;
setp.lt.u32 %p2, %r8, %r3; @%p2 bra LOOP;
st.global.u32 [%rd2+4], %r7;
ret;
}`

// TestLastBlockReduces: a fence and an atomic order what blocks write and read; without the fence it is a race.
func TestLastBlockReduces(t *testing.T) {
	const blocks = 40
	x, sum := make([]uint32, blocks), uint32(0)
	for i := range x {
		x[i] = uint32(i * i)
		sum += x[i]
	}
	for _, workers := range []int{1, 4} {
		y, err := launchText(t, strings.Replace(lastBlock, "FENCE", "membar.gl;", 1), workers, blocks, 1, x, make([]uint32, blocks+2))
		if err != nil {
			t.Fatal(err)
		}
		if y[0] != blocks || y[1] != sum {
			t.Errorf("%d workers: counter %d, sum %d, want %d and %d", workers, y[0], y[1], blocks, sum)
		}
		_, err = launchText(t, strings.Replace(lastBlock, "FENCE", "", 1), workers, blocks, 1, x, make([]uint32, blocks+2))
		var e *cuda.Error
		if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.GlobalRace || e.Fault.Block.X != blocks-1 {
			t.Errorf("%d workers, no fence: got %v, want a global race in block %d", workers, err, blocks-1)
		}
	}
	late := strings.Replace(lastBlock, "FENCE", "membar.gl;", 1)
	late = strings.Replace(late, "@%p1 ret;", "st.global.u32 [%rd8+8], %r4; @%p1 ret;", 1)
	_, err := launchText(t, late, 1, blocks, 1, x, make([]uint32, blocks+2))
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.GlobalRace {
		t.Errorf("a store after the fence: got %v, want a global race", err)
	}
}

// TestChainOfBlocks: each block waits for a flag of the one before it, with release and acquire.
func TestChainOfBlocks(t *testing.T) {
	const blocks = 20
	text := textHead + `
mul.wide.u32 %rd6, %r2, 4; add.s64 %rd8, %rd2, %rd6;
mov.u32 %r4, 0;
setp.eq.u32 %p1, %r2, 0; @%p1 bra GO;
WAIT: ld.acquire.gpu.global.u32 %r5, [%rd8+396]; setp.eq.u32 %p2, %r5, 0; @%p2 bra WAIT;
ld.global.u32 %r4, [%rd8+-4];
GO: add.u32 %r4, %r4, %r2;
st.global.u32 [%rd8], %r4;
mov.u32 %r6, 1;
st.release.gpu.global.u32 [%rd8+400], %r6;
ret;
}`
	y, err := launchText(t, text, 4, blocks, 1, []uint32{0}, make([]uint32, 100+blocks))
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		if want := uint32(i * (i + 1) / 2); y[i] != want {
			t.Errorf("block %d has %d, want %d", i, y[i], want)
		}
	}
}

// TestBranchTable: brx.idx parts a warp into as many groups as there are targets.
func TestBranchTable(t *testing.T) {
	text := textHead + `
ld.global.u32 %r4, [%rd4];
mov.u32 %r5, 0;
TABLE: .branchtargets A, B, C, D;
brx.idx %r4, TABLE;
A: add.u32 %r5, %r5, 1; bra D;
B: add.u32 %r5, %r5, 10;
C: add.u32 %r5, %r5, 100;
D: add.u32 %r5, %r5, 1000;
st.global.u32 [%rd5], %r5;
ret;
}`
	x := make([]uint32, 64)
	for i := range x {
		x[i] = uint32(i*7%11) % 4
	}
	y, err := launchText(t, text, 1, 1, 64, x, make([]uint32, 64))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		if want := []uint32{1001, 1110, 1100, 1000}[v]; y[i] != want {
			t.Errorf("thread %d, index %d: got %d, want %d", i, v, y[i], want)
		}
	}
	x[37] = 4
	_, err = launchText(t, text, 1, 1, 64, x, make([]uint32, 64))
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.InvalidArgument || e.Fault.Thread.X != 37 {
		t.Errorf("index past the table: got %v, want a report of thread 37", err)
	}
}

// TestGenericAccesses: one instruction of a warp reaches global, shared and local memory.
func TestGenericAccesses(t *testing.T) {
	text := strings.Replace(textHead, "{\n", "{\n.local .align 4 .b8 depot[8]; .shared .align 4 .b8 tile[128];\n", 1) + `
mov.u64 %rd10, depot; cvta.local.u64 %rd11, %rd10;
mov.u64 %rd12, tile; cvta.shared.u64 %rd13, %rd12; add.s64 %rd13, %rd13, %rd3;
cvta.global.u64 %rd14, %rd5;
mov.u32 %r9, 3; rem.u32 %r4, %r1, %r9;
setp.eq.u32 %p1, %r4, 0; setp.eq.u32 %p2, %r4, 1;
selp.b64 %rd15, %rd11, %rd13, %p1; selp.b64 %rd15, %rd14, %rd15, %p2;
add.u32 %r5, %r1, 500;
st.u32 [%rd15], %r5;
ld.u32 %r6, [%rd15];
isspacep.shared %p3, %rd15; selp.u32 %r7, 1000, 0, %p3; add.u32 %r6, %r6, %r7;
isspacep.local %p4, %rd15; selp.u32 %r7, 2000, 0, %p4; add.u32 %r6, %r6, %r7;
isspacep.global %p5, %rd15; selp.u32 %r7, 4000, 0, %p5; add.u32 %r6, %r6, %r7;
st.global.u32 [%rd5], %r6;
ret;
}`
	y, err := launchText(t, text, 1, 1, 32, make([]uint32, 32), make([]uint32, 32))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range y {
		if want := uint32(i) + 500 + []uint32{2000, 4000, 1000}[i%3]; got != want {
			t.Errorf("thread %d: got %d, want %d", i, got, want)
		}
	}
}

// TestShuffleFromMissingLanes: a lane that does not exist has no value to give, which shows where the result is stored.
func TestShuffleFromMissingLanes(t *testing.T) {
	text := textHead + `
mov.u32 %r4, %r1;
shfl.sync.down.b32 %r5, %r4, 16, 31, -1;
add.u32 %r4, %r4, %r5;
st.global.u32 [%rd5], %r4;
ret;
}`
	_, err := launchText(t, text, 1, 1, 24, make([]uint32, 32), make([]uint32, 32))
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != cuda.Uninitialized || e.Fault.Thread.X != 8 {
		t.Errorf("got %v, want an undefined value in thread 8", err)
	}
	if _, err := launchText(t, text, 1, 1, 32, make([]uint32, 32), make([]uint32, 32)); err != nil {
		t.Error(err)
	}
}

// TestGuardedEnd: a kernel whose last instruction is guarded ends for all threads.
func TestGuardedEnd(t *testing.T) {
	text := textHead + "setp.lt.u32 %p1, %r1, 16;\n@%p1 st.global.u32 [%rd5], %r1;\n}"
	y, err := launchText(t, text, 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		if want := uint32(i); i < 16 && v != want || i >= 16 && v != 0 {
			t.Errorf("thread %d stored %d", i, v)
		}
	}
}
