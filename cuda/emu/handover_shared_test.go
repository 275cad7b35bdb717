package emu_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
)

// wantCheck fails unless err is a report of the check.
func wantCheck(t *testing.T, what string, err error, check cuda.Check) {
	t.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) || e.Fault == nil || e.Fault.Check != check {
		t.Errorf("%s: got %v, want %s", what, err, check)
	}
}

// sharedText puts a body behind declarations of shared memory; %r10 is the shared address of the thread's word in tile.
func sharedText(body string) string {
	head := strings.Replace(textHead, "{\n", "{\n.shared .align 4 .b8 tile[1024]; .shared .align 4 .b8 flag[4];\n", 1)
	return head + "mov.u32 %r10, tile; shl.b32 %r11, %r1, 2; add.u32 %r10, %r10, %r11;\n" + body + "\nret;\n}"
}

// TestFlagInSharedMemory: one warp hands data to another through a flag; without the fence that is a race.
func TestFlagInSharedMemory(t *testing.T) {
	body := `
setp.ne.u32 %p1, %r1, 0; @%p1 bra S; mov.u32 %r4, 0; st.shared.u32 [flag], %r4;
S: bar.sync 0;
setp.ge.u32 %p2, %r1, 32; @%p2 bra WRITER;
WAIT: ld.volatile.shared.u32 %r5, [flag]; setp.eq.u32 %p3, %r5, 0; @%p3 bra WAIT;
ld.shared.u32 %r6, [%r10+128];
st.global.u32 [%rd5], %r6;
ret;
WRITER: st.shared.u32 [%r10], %r1;
FENCE
setp.ne.u32 %p4, %r1, 32; @%p4 ret;
mov.u32 %r7, 1; st.volatile.shared.u32 [flag], %r7;`
	y, err := launchText(t, sharedText(strings.Replace(body, "FENCE", "membar.cta;", 1)), 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 32 {
		if y[i] != uint32(i)+32 {
			t.Errorf("thread %d got %d, want %d", i, y[i], i+32)
		}
	}
	_, err = launchText(t, sharedText(strings.Replace(body, "FENCE", "", 1)), 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	wantCheck(t, "no fence", err, cuda.SharedRace)
}

// TestProducersAndConsumers: bar.arrive lets the producers go on; what they write afterwards is not ordered.
func TestProducersAndConsumers(t *testing.T) {
	body := `
setp.ge.u32 %p1, %r1, 32; @%p1 bra CONSUMER;
st.shared.u32 [%r10], %r1;
bar.arrive 1, 64;
LATE
ret;
CONSUMER: bar.sync 1, 64;
ld.shared.u32 %r6, [%r10+-128];
st.global.u32 [%rd5], %r6;`
	y, err := launchText(t, sharedText(strings.Replace(body, "LATE", "", 1)), 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	if err != nil {
		t.Fatal(err)
	}
	for i := 32; i < 64; i++ {
		if y[i] != uint32(i)-32 {
			t.Errorf("thread %d got %d, want %d", i, y[i], i-32)
		}
	}
	_, err = launchText(t, sharedText(strings.Replace(body, "LATE", "st.shared.u32 [%r10], %r2;", 1)), 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	wantCheck(t, "a store after the arrival", err, cuda.SharedRace)
}

// TestReadBeforeFirstBarrier: a store may not follow another warp's load in the interval before the first barrier either.
func TestReadBeforeFirstBarrier(t *testing.T) {
	body := `
setp.ge.u32 %p1, %r1, 32; @%p1 bra W;
ld.shared.u32 %r6, [tile+512];
ret;
W: BARRIER mov.u32 %r7, 1; st.shared.u32 [tile+512], %r7;`
	_, err := launchText(t, sharedText(strings.Replace(body, "BARRIER", "", 1)), 1, 1, 64, make([]uint32, 64), make([]uint32, 64))
	wantCheck(t, "no barrier", err, cuda.SharedRace)
}
