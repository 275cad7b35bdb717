package emu_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
)

func floats(b []byte) []float32 {
	f := make([]float32, len(b)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return f
}

func floatBytes(f []float32) []byte {
	var b []byte
	for _, x := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// TestSaxpyEndToEnd runs a kernel of nvcc through the whole device interface.
func TestSaxpyEndToEnd(t *testing.T) {
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := os.ReadFile("testdata/kernels/saxpy.ptx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.LoadModule("saxpy.ptx", text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("saxpy")
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(i)*0.37, float32(n-i)*1.1
	}
	mx, _ := d.Alloc(4*n, "x")
	my, _ := d.Alloc(4*n, "y")
	d.CopyToDevice(mx.Ptr(), floatBytes(x))
	d.CopyToDevice(my.Ptr(), floatBytes(y))
	s, _ := d.NewStream()
	err = s.Launch(f, cuda.Launch{Grid: cuda.Dim3{X: 4}, Block: cuda.Dim3{X: 256}, Args: []any{int32(n), float32(2.5), mx.Ptr(), my.Ptr()},
		Operands: []cuda.Operand{cuda.Range("x", mx.Ptr(), 4*n, cuda.Read), cuda.Range("y", my.Ptr(), 4*n, cuda.ReadWrite)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Synchronize(); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 4*n)
	if err := d.CopyToHost(out, my.Ptr()); err != nil {
		t.Fatal(err)
	}
	for i, got := range floats(out) {
		if want := float32(float64(2.5)*float64(x[i]) + float64(y[i])); math.Abs(float64(got-want)) > 1e-3 {
			t.Fatalf("element %d: got %v, want %v", i, got, want)
		}
	}
	err = s.Launch(f, cuda.Launch{Grid: cuda.Dim3{X: 4}, Block: cuda.Dim3{X: 256}, Args: []any{int32(n + 1), float32(2.5), mx.Ptr(), my.Ptr()}})
	if err != nil {
		t.Fatal(err)
	}
	var fault *cuda.Error
	if err := s.Synchronize(); !errors.As(err, &fault) || fault.Code != cuda.IllegalAddress || !strings.Contains(err.Error(), "saxpy") {
		t.Errorf("one element too many: error %v, expected an illegal address in saxpy", err)
	}
}
