package emu_test

import (
	"runtime"
	"testing"
)

// chain is a chained scan over a flag of its own for each block: y[b] = y[b-1] + 1, read after an atomic on the flag before and
// published by a fence and an atomic on the own flag x[b].
const chain = textHead + `
mul.wide.u32 %rd6, %r2, 4; add.s64 %rd7, %rd1, %rd6; add.s64 %rd8, %rd2, %rd6;
mov.u32 %r7, 0;
setp.eq.u32 %p1, %r2, 0; @%p1 bra WRITE;
atom.global.add.u32 %r5, [%rd7+-4], 0;
ld.global.u32 %r7, [%rd8+-4];
WRITE: add.u32 %r7, %r7, 1;
st.global.u32 [%rd8], %r7;
membar.gl;
atom.global.exch.b32 %r6, [%rd7], 1;
ret;
}`

// TestHandoverMemory: as many addresses as blocks would take the square of their number; the emulator stops keeping clocks
// long before that and reports no race that is not there.
func TestHandoverMemory(t *testing.T) {
	blocks := 20000
	if testing.Short() {
		blocks = 2000
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	y, err := launchText(t, chain, 1, blocks, 1, make([]uint32, blocks), make([]uint32, blocks))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	for b, v := range y {
		if v != uint32(b)+1 {
			t.Fatalf("block %d wrote %d, want %d", b, v, b+1)
		}
	}
	if kept := int64(after.HeapSys) - int64(before.HeapSys); kept > 1<<30 {
		t.Errorf("the launch took %d MB", kept>>20)
	}
}
