package emu_test

import (
	"math"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// runOne executes a body on one thread and returns the four words that it may store at [%rd1].
func runOne(t *testing.T, body string) []uint32 {
	t.Helper()
	d := emutest.Open(t)
	m, err := d.LoadModule("one.ptx", []byte(checkHeader+`.visible .entry k(.param .u64 x)
{
.reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .f64 %fd<9>; .reg .b64 %rd<9>;
.shared .align 16 .b8 tile[64];
ld.param.u64 %rd1, [x];
`+body+"\nret;\n}"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("k")
	if err != nil {
		t.Fatal(err)
	}
	x := emutest.InOut(d, "x", make([]uint32, 4))
	d.Run(f, emutest.Spec{Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: 1}}, x)
	return x.Get()
}

// TestAddressesWrap: a 32-bit register that has gone below zero and an offset that brings it back, which is how compilers fold
// indices such as tile[i-1+2].
func TestAddressesWrap(t *testing.T) {
	for name, body := range map[string]string{
		"load and store": "mov.u32 %r1, tile; add.s32 %r1, %r1, -8; st.shared.u32 [%r1+8], 7; ld.shared.u32 %r2, [%r1+8]; st.global.u32 [%rd1], %r2;",
		"atomic":         "mov.u32 %r1, tile; st.shared.u32 [%r1], 3; add.s32 %r1, %r1, -8; red.shared.add.u32 [%r1+8], 4; ld.shared.u32 %r2, [tile]; st.global.u32 [%rd1], %r2;",
		"cp.async": "st.global.u32 [%rd1], 7; mov.u32 %r1, tile; add.s32 %r1, %r1, -8; cp.async.ca.shared.global [%r1+8], [%rd1], 4; cp.async.wait_all;\n" +
			"ld.shared.u32 %r2, [tile]; st.global.u32 [%rd1], %r2;",
	} {
		if got := runOne(t, body)[0]; got != 7 {
			t.Errorf("%s: got %d, want 7", name, got)
		}
	}
}

// TestConstantsConvert: single-precision constants of double-precision operands are converted, as ptxas does.
func TestConstantsConvert(t *testing.T) {
	got := runOne(t, "mov.f64 %fd1, 0f3FC00000; add.f64 %fd1, %fd1, 0f3F800000; st.global.f64 [%rd1], %fd1;\nmov.f32 %f1, 0d3FF8000000000000; st.global.f32 [%rd1+8], %f1;")
	if x := math.Float64frombits(uint64(got[1])<<32 | uint64(got[0])); x != 2.5 {
		t.Errorf("got %v, want 2.5", x)
	}
	if x := math.Float32frombits(got[2]); x != 1.5 {
		t.Errorf("got %v, want 1.5", x)
	}
}
