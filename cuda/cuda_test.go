package cuda

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type shape struct {
	N, C  int32
	Pitch int64
	Scale float32
}

func TestPackArgs(t *testing.T) {
	b, err := PackArgs(DevicePtr(0x1122334455667788), int32(-2), uint8(7), shape{1, 2, 3, 1}, float32(1), Raw{[]byte{1, 2, 3, 4}, 16}, int16(-1))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{0, 8, 12, 16, 40, 48, 52}, b.Offsets); d != "" {
		t.Errorf("offsets (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{8, 4, 1, 24, 4, 4, 2}, b.Sizes); d != "" {
		t.Errorf("sizes (-want +got):\n%s", d)
	}
	want := make([]byte, 54)
	copy(want, []byte{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xfe, 0xff, 0xff, 0xff, 7})
	want[16], want[20], want[24], want[34], want[35] = 1, 2, 3, 0x80, 0x3f
	want[42], want[43] = 0x80, 0x3f
	copy(want[48:], []byte{1, 2, 3, 4, 0xff, 0xff})
	if d := cmp.Diff(want, b.Bytes); d != "" {
		t.Errorf("bytes (-want +got):\n%s", d)
	}
}

func TestPackArgsNamedAndNested(t *testing.T) {
	type half uint16
	type pair struct {
		A [3]half
		B struct{ X float64 }
	}
	b, err := PackArgs(half(3), pair{A: [3]half{1, 2, 3}, B: struct{ X float64 }{math.Pi}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{0, 8}, b.Offsets); d != "" {
		t.Errorf("offsets (-want +got):\n%s", d)
	}
	if len(b.Bytes) != 24 {
		t.Errorf("got %d bytes, want 24", len(b.Bytes))
	}
}

func TestPackArgsRefuses(t *testing.T) {
	for _, a := range []any{nil, 1, uint(1), true, "x", []byte{1}, new(int32), struct{}{}, struct{ P *int32 }{}, struct{ B bool }{}, Raw{nil, 3}} {
		_, err := PackArgs(int32(1), a)
		if !errors.Is(err, InvalidValue) {
			t.Errorf("%#v: got %v, want an InvalidValue error", a, err)
		}
	}
	if _, err := PackArgs([4096]uint8{}, uint8(1)); !errors.Is(err, InvalidValue) {
		t.Errorf("oversized arguments: got %v", err)
	}
}

func TestError(t *testing.T) {
	err := error(&Error{Code: OutOfMemory, Call: "Alloc", Detail: "asked for 8 bytes, 4 are free", Advice: "use a smaller batch", Err: io.EOF})
	if got, want := err.Error(), "Alloc: out of device memory: asked for 8 bytes, 4 are free: EOF (use a smaller batch)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, OutOfMemory) || !errors.Is(err, io.EOF) || errors.Is(err, NotFound) {
		t.Error("errors.Is does not see code and cause")
	}
	if got := Code(12345).Error(); got != "CUDA error 12345" {
		t.Errorf("unknown code prints %q", got)
	}
}

func TestFaultString(t *testing.T) {
	f := &Fault{Check: OutOfBounds, Kernel: "saxpy", Module: "saxpy.ptx", PTXLine: 42, Source: "kernels/saxpy.cu", Line: 7,
		Block: Dim3{3, 0, 0}, Thread: Dim3{31, 0, 0}, Space: "global", Address: 0x100, Bytes: 4, Object: "operand x, 4 bytes past its end",
		Instruction: "ld.global.f32 %f1, [%rd4];"}
	want := "out of bounds in saxpy at saxpy.ptx:42 (kernels/saxpy.cu:7), block (3,0,0), thread (31,0,0), 4 bytes at global address 0x100, " +
		"operand x, 4 bytes past its end: `ld.global.f32 %f1, [%rd4];`"
	if got := f.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOpen(t *testing.T) {
	Register("test", func(arg string) (Device, error) { return nil, fmt.Errorf("opened %q", arg) })
	if _, err := Open("test:a:b"); err == nil || err.Error() != `opened "a:b"` {
		t.Errorf("got %v", err)
	}
	if _, err := Open("cuda:1"); !errors.Is(err, InvalidDevice) {
		t.Errorf("unregistered kind: got %v", err)
	}
}

func TestExtent(t *testing.T) {
	if got := Rows("x", 0, 3, 10, 16, Read).Extent(); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
	if got := Range("x", 0, 10, Write).Extent(); got != 10 {
		t.Errorf("got %d, want 10", got)
	}
	if got := (Dim3{X: 4}).Count(); got != 4 {
		t.Errorf("got %d, want 4", got)
	}
}
