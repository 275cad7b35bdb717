// Package emutest helps tests to run kernels on the emulator and to judge
// their results.
package emutest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/emu"
)

// Element is a type that device buffers can hold.
type Element interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// Device is an emulated device whose failures end the test.
type Device struct {
	cuda.Device
	tb        testing.TB
	stream    cuda.Stream
	functions map[string]cuda.Function
}

// Open opens an emulated A100 that the test closes when it ends.
func Open(tb testing.TB) *Device {
	tb.Helper()
	dev, err := emu.Open("a100")
	if err != nil {
		tb.Fatal(err)
	}
	stream, err := dev.NewStream()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := dev.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return &Device{Device: dev, tb: tb, stream: stream, functions: map[string]cuda.Function{}}
}

// Function loads a PTX file, once, and returns a kernel of it.
func (d *Device) Function(file, kernel string) cuda.Function {
	d.tb.Helper()
	key := file + ":" + kernel
	if f := d.functions[key]; f != nil {
		return f
	}
	f, err := d.Module(file).Function(kernel)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.functions[key] = f
	return f
}

// Module loads a PTX file; the device closes it.
func (d *Device) Module(file string) cuda.Module {
	d.tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		d.tb.Fatal(err)
	}
	m, err := d.LoadModule(filepath.Base(file), text)
	if err != nil {
		d.tb.Fatal(err)
	}
	return m
}

// operand is a Buffer of any element type.
type operand interface {
	argument() (cuda.DevicePtr, cuda.Operand)
}

// Buffer is an allocation that a kernel gets as a parameter and as an operand.
type Buffer[T Element] struct {
	dev  *Device
	mem  cuda.Memory
	name string
	n    int
	mode cuda.Mode
}

func (b *Buffer[T]) argument() (cuda.DevicePtr, cuda.Operand) {
	return b.mem.Ptr(), cuda.Range(b.name, b.mem.Ptr(), b.mem.Size(), b.mode)
}

// Ptr is the address of the first element.
func (b *Buffer[T]) Ptr() cuda.DevicePtr { return b.mem.Ptr() }

// Operand is the buffer as a launch declares it, for pointers inside structs.
func (b *Buffer[T]) Operand() cuda.Operand {
	_, o := b.argument()
	return o
}

func alloc[T Element](d *Device, name string, n int, mode cuda.Mode) *Buffer[T] {
	d.tb.Helper()
	var zero T
	mem, err := d.Alloc(int64(n)*int64(unsafe.Sizeof(zero)), name)
	if err != nil {
		d.tb.Fatal(err)
	}
	return &Buffer[T]{dev: d, mem: mem, name: name, n: n, mode: mode}
}

// In is a buffer that a kernel reads.
func In[T Element](d *Device, name string, data []T) *Buffer[T] {
	d.tb.Helper()
	b := alloc[T](d, name, len(data), cuda.Read)
	b.Set(data)
	return b
}

// InOut is a buffer that a kernel reads and writes.
func InOut[T Element](d *Device, name string, data []T) *Buffer[T] {
	d.tb.Helper()
	b := In(d, name, data)
	b.mode = cuda.ReadWrite
	return b
}

// Out is a buffer of n undefined elements that a kernel writes completely.
func Out[T Element](d *Device, name string, n int) *Buffer[T] {
	d.tb.Helper()
	return alloc[T](d, name, n, cuda.Write)
}

// Set copies data to the device.
func (b *Buffer[T]) Set(data []T) {
	b.dev.tb.Helper()
	if err := b.dev.CopyToDevice(b.mem.Ptr(), Bytes(data)); err != nil {
		b.dev.tb.Fatal(err)
	}
}

// Get copies the elements to the host.
func (b *Buffer[T]) Get() []T {
	b.dev.tb.Helper()
	data := make([]T, b.n)
	if err := b.dev.CopyToHost(Bytes(data), b.mem.Ptr()); err != nil {
		b.dev.tb.Fatal(err)
	}
	return data
}

// Bytes is the memory of a slice.
func Bytes[T Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// Spec says how a kernel is launched.
type Spec struct {
	Grid, Block cuda.Dim3
	Shared      int            // bytes of dynamic shared memory
	Operands    []cuda.Operand // further operands: buffers that no argument names
}

// Try launches a kernel, waits, and returns what went wrong. Arguments that are
// Buffers become a pointer and an operand; the others are passed as they are.
func (d *Device) Try(f cuda.Function, s Spec, args ...any) error {
	l := cuda.Launch{Grid: s.Grid, Block: s.Block, DynamicShared: s.Shared, Operands: append([]cuda.Operand{}, s.Operands...)}
	for _, a := range args {
		if b, ok := a.(operand); ok {
			p, o := b.argument()
			l.Args = append(l.Args, p)
			l.Operands = append(l.Operands, o)
			continue
		}
		l.Args = append(l.Args, a)
	}
	if err := d.stream.Launch(f, l); err != nil {
		return err
	}
	return d.stream.Synchronize()
}

// Run launches a kernel and ends the test on any failure.
func (d *Device) Run(f cuda.Function, s Spec, args ...any) {
	d.tb.Helper()
	if err := d.Try(f, s, args...); err != nil {
		d.tb.Fatal(err)
	}
}

// Grid1 is a grid of blocks of the given number of threads that covers n threads.
func Grid1(n, block int) Spec {
	return Spec{Grid: cuda.Dim3{X: max(1, (n+block-1)/block)}, Block: cuda.Dim3{X: block}}
}

// KernelPath is the PTX file of a stem in a folder.
func KernelPath(folder, stem string) string {
	return filepath.Join(folder, strings.TrimSuffix(stem, ".ptx")+".ptx")
}
