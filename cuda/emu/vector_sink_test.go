package emu_test

import "testing"

// TestVectorWithSink: elements of a vector load may be thrown away, and leave no trace.
func TestVectorWithSink(t *testing.T) {
	text := textHead + `
mul.wide.u32 %rd6, %r1, 16; add.s64 %rd7, %rd1, %rd6;
ld.global.v4.u32 {%r4, _, _, %r5}, [%rd7];
ld.global.v2.u32 {_, %r6}, [%rd7+8];
mov.u32 %r7, 0;
add.u32 %r7, %r7, %r4; mad.lo.u32 %r7, %r5, 100, %r7; mad.lo.u32 %r7, %r6, 10000, %r7;
st.global.u32 [%rd5], %r7;
ret;
}`
	x := make([]uint32, 128)
	for i := range x {
		x[i] = uint32(i%4 + 1)
	}
	y, err := launchText(t, text, 1, 1, 32, x, make([]uint32, 32))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		if v != 1+4*100+4*10000 {
			t.Errorf("thread %d got %d", i, v)
		}
	}
}
