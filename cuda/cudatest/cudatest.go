// Package cudatest holds the tests that every implementation of package cuda
// must pass, on a GPU and on the emulator alike.
package cudatest

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
)

// source is written by hand: kernels small enough to be checked by eye.
const source = `.version 7.0
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 dyn[];
.global .align 8 .b32 table[4] = {10, 20, 30, 40};
.const .align 4 .f32 half = 0f3F000000;

// y[i] = a * x[i] + table[i % 4] for i < n
.visible .entry scale(.param .u64 x, .param .u64 y, .param .u32 n, .param .u32 a)
{
	.reg .pred p; .reg .b32 %r<9>; .reg .b64 %d<9>;
	ld.param.u64 %d1, [x]; ld.param.u64 %d2, [y]; ld.param.u32 %r1, [n]; ld.param.u32 %r2, [a];
	mov.u32 %r3, %ctaid.x; mov.u32 %r4, %ntid.x; mov.u32 %r5, %tid.x; mad.lo.s32 %r3, %r3, %r4, %r5;
	setp.ge.u32 p, %r3, %r1;
	@p ret;
	cvta.to.global.u64 %d1, %d1; cvta.to.global.u64 %d2, %d2;
	mul.wide.u32 %d3, %r3, 4; add.s64 %d1, %d1, %d3; add.s64 %d2, %d2, %d3;
	ld.global.u32 %r6, [%d1];
	and.b32 %r7, %r3, 3; mul.wide.u32 %d4, %r7, 4; mov.u64 %d5, table; add.s64 %d5, %d5, %d4; ld.global.u32 %r8, [%d5];
	mad.lo.s32 %r6, %r6, %r2, %r8;
	st.global.u32 [%d2], %r6;
	ret;
}

// out = {s.a + s.b, s.c * half}: a struct of {int8, int32, int64, float} by value
.visible .entry fields(.param .u64 out, .param .align 8 .b8 s[24])
{
	.reg .b32 %r<4>; .reg .f32 %f<4>; .reg .b64 %d<5>;
	ld.param.u64 %d1, [out]; cvta.to.global.u64 %d1, %d1;
	ld.param.s8 %r1, [s]; ld.param.s32 %r2, [s+4]; ld.param.s64 %d2, [s+8]; ld.param.f32 %f1, [s+16];
	add.s32 %r1, %r1, %r2; cvt.s64.s32 %d3, %r1; add.s64 %d2, %d2, %d3;
	ld.const.f32 %f2, [half]; mul.rn.f32 %f1, %f1, %f2;
	st.global.u64 [%d1], %d2; st.global.f32 [%d1+8], %f1;
	ret;
}

// out[i] = in[n-1-i] through dynamic shared memory, one block of n threads
.visible .entry reverse(.param .u64 in, .param .u64 out)
.maxntid 256, 1, 1
{
	.reg .b32 %r<9>; .reg .b64 %d<9>;
	ld.param.u64 %d1, [in]; ld.param.u64 %d2, [out]; cvta.to.global.u64 %d1, %d1; cvta.to.global.u64 %d2, %d2;
	mov.u32 %r1, %tid.x; mov.u32 %r2, %ntid.x; mul.wide.u32 %d3, %r1, 4;
	add.s64 %d4, %d1, %d3; ld.global.u32 %r3, [%d4];
	mov.u32 %r4, dyn; shl.b32 %r5, %r1, 2; add.s32 %r5, %r4, %r5; st.shared.u32 [%r5], %r3;
	bar.sync 0;
	sub.s32 %r6, %r2, %r1; sub.s32 %r6, %r6, 1; shl.b32 %r6, %r6, 2; add.s32 %r6, %r4, %r6; ld.shared.u32 %r7, [%r6];
	add.s64 %d5, %d2, %d3; st.global.u32 [%d5], %r7;
	ret;
}
`

// Opener opens a fresh device.
type Opener func() (cuda.Device, error)

// Run runs all tests.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"Properties", (*suite).properties}, {"Memory", (*suite).memory}, {"MemoryErrors", (*suite).memoryErrors},
		{"Modules", (*suite).modules}, {"Launch", (*suite).launch}, {"StructArguments", (*suite).structArguments},
		{"LaunchErrors", (*suite).launchErrors}, {"DynamicShared", (*suite).dynamicShared}, {"Occupancy", (*suite).occupancy},
		{"Streams", (*suite).streams}, {"Events", (*suite).events}, {"Graph", (*suite).graph}, {"GraphAcrossStreams", (*suite).graphAcrossStreams},
		{"CaptureErrors", (*suite).captureErrors}, {"Close", (*suite).closeDevice},
	} {
		t.Run(c.name, func(t *testing.T) {
			dev, err := open()
			if err != nil {
				t.Fatal(err)
			}
			s := &suite{T: t, dev: dev}
			c.test(s)
			s.must(dev.Close())
		})
	}
}

// suite is one test with its device.
type suite struct {
	*testing.T
	dev cuda.Device
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// wantCode checks that a call fails with the code, as an *Error.
func (s *suite) wantCode(what string, err error, codes ...cuda.Code) {
	s.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) {
		s.Errorf("%s: got %v, want an *Error with code %v", what, err, codes)
		return
	}
	for _, c := range codes {
		if errors.Is(err, c) {
			return
		}
	}
	s.Errorf("%s: got code %d (%v), want one of %v", what, e.Code, err, codes)
}

func (s *suite) alloc(n int64) cuda.Memory {
	s.Helper()
	m, err := s.dev.Alloc(n, "test")
	s.must(err)
	return m
}

func (s *suite) host(n int64) []byte {
	s.Helper()
	h, err := s.dev.AllocHost(n)
	s.must(err)
	return h.Bytes()
}

func (s *suite) stream() cuda.Stream {
	s.Helper()
	st, err := s.dev.NewStream()
	s.must(err)
	return st
}

func (s *suite) function(name string) cuda.Function {
	s.Helper()
	m, err := s.dev.LoadModule("cudatest.ptx", []byte(source))
	s.must(err)
	f, err := m.Function(name)
	s.must(err)
	return f
}

// words is n numbers as bytes.
func words(n int, f func(i int) uint32) []byte {
	b := make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(b[4*i:], f(i))
	}
	return b
}

// device returns device memory that holds b.
func (s *suite) device(b []byte) cuda.Memory {
	s.Helper()
	m := s.alloc(int64(len(b)))
	s.must(s.dev.CopyToDevice(m.Ptr(), b))
	return m
}

// wantWords compares device memory with n numbers.
func (s *suite) wantWords(what string, p cuda.DevicePtr, n int, f func(i int) uint32) {
	s.Helper()
	got := make([]byte, 4*n)
	s.must(s.dev.CopyToHost(got, p))
	for i := range n {
		if v := binary.LittleEndian.Uint32(got[4*i:]); v != f(i) {
			s.Errorf("%s: element %d is %d, want %d", what, i, v, f(i))
			return
		}
	}
}

func (s *suite) properties() {
	p := s.dev.Props()
	if p.ID == "" || p.Name == "" || p.SM() < 80 || p.SMs <= 0 || p.WarpSize != 32 || p.MaxThreadsPerBlock < 1024 || p.SharedPerBlock < 48<<10 ||
		p.SharedOptIn < p.SharedPerBlock || p.SharedPerSM < p.SharedOptIn || p.MaxGrid.X < 1<<31-1 || p.MaxBlock.X < 1024 || p.RegistersPerSM < 65536 || p.TotalMemory <= 0 {
		s.Errorf("implausible properties %+v", p)
	}
	free, total, err := s.dev.MemInfo()
	s.must(err)
	if free <= 0 || free > total {
		s.Errorf("%d of %d bytes are free", free, total)
	}
}

func (s *suite) memory() {
	a, b := s.alloc(1000), s.alloc(1000)
	if a.Ptr() == b.Ptr() || a.Ptr()%256 != 0 || a.Size() != 1000 {
		s.Errorf("allocations at %#x and %#x, size %d", a.Ptr(), b.Ptr(), a.Size())
	}
	s.must(s.dev.CopyToDevice(a.Ptr(), words(250, func(i int) uint32 { return uint32(i) })))
	s.must(s.dev.Copy(b.Ptr()+40, a.Ptr(), 400))
	s.wantWords("copy inside the device", b.Ptr()+40, 100, func(i int) uint32 { return uint32(i) })
	s.must(s.dev.Memset(b.Ptr()+40, 0xab, 8))
	s.wantWords("memset", b.Ptr()+40, 3, func(i int) uint32 { return []uint32{0xabababab, 0xabababab, 2}[i] })
	s.must(s.dev.CopyToDevice(a.Ptr(), nil))
	s.must(a.Close())
	s.must(b.Close())
}

func (s *suite) memoryErrors() {
	_, err := s.dev.Alloc(0, "empty")
	s.wantCode("no bytes", err, cuda.InvalidValue)
	_, err = s.dev.Alloc(1<<60, "huge")
	s.wantCode("too many bytes", err, cuda.OutOfMemory, cuda.InvalidValue)
	_, err = s.dev.AllocHost(0)
	s.wantCode("no bytes of host memory", err, cuda.InvalidValue)
	st := s.stream()
	s.wantCode("pageable memory on a stream", st.CopyToDevice(s.alloc(16).Ptr(), make([]byte, 16)), cuda.InvalidValue)
}

func (s *suite) modules() {
	m, err := s.dev.LoadModule("cudatest.ptx", []byte(source))
	s.must(err)
	_, err = m.Function("missing")
	s.wantCode("missing kernel", err, cuda.NotFound)
	_, _, err = m.Global("missing")
	s.wantCode("missing variable", err, cuda.NotFound)
	p, n, err := m.Global("table")
	s.must(err)
	if n != 16 {
		s.Errorf("table has %d bytes, want 16", n)
	}
	s.wantWords("table", p, 4, func(i int) uint32 { return uint32(10 * (i + 1)) })
	f, err := m.Function("reverse")
	s.must(err)
	if a := f.Attributes(); f.Name() != "reverse" || a.MaxThreadsPerBlock != 256 || a.StaticShared != 0 || a.LocalBytes != 0 || a.PTXVersion != 70 || a.Registers <= 0 {
		s.Errorf("attributes of %s: %+v", f.Name(), a)
	}
	s.must(m.Close())
	_, err = s.dev.LoadModule("broken.ptx", []byte(strings.Replace(source, "ld.global.u32 %r6", "ld.global.u32 %r99", 1)))
	s.wantCode("invalid PTX", err, cuda.InvalidPTX)
	_, err = s.dev.LoadModule("future.ptx", []byte(".version 99.0\n.target sm_80\n.address_size 64\n"))
	s.wantCode("PTX of the future", err, cuda.UnsupportedPTXVersion, cuda.InvalidPTX)
	_, err = s.dev.LoadModule("target.ptx", []byte(strings.Replace(source, "sm_80", "sm_999", 1)))
	s.wantCode("PTX for another device", err, cuda.InvalidPTX, cuda.NoBinaryForGPU, cuda.InvalidImage)
}

// scaled is what the kernel scale computes from x[i] = i.
func scaled(a uint32) func(i int) uint32 {
	return func(i int) uint32 { return a*uint32(i) + uint32(10*(i%4+1)) }
}

// scaleLaunch runs scale over n elements.
func scaleLaunch(x, y cuda.Memory, n int, a uint32) cuda.Launch {
	return cuda.Launch{Grid: cuda.Dim3{X: (n + 63) / 64}, Block: cuda.Dim3{X: 64}, Args: []any{x.Ptr(), y.Ptr(), uint32(n), a},
		Operands: []cuda.Operand{cuda.Range("x", x.Ptr(), int64(4*n), cuda.Read), cuda.Range("y", y.Ptr(), int64(4*n), cuda.ReadWrite)}}
}

func iota32(i int) uint32 { return uint32(i) }

func (s *suite) launch() {
	const n = 300
	x, y := s.device(words(n, iota32)), s.alloc(4*n)
	st := s.stream()
	s.must(st.Launch(s.function("scale"), scaleLaunch(x, y, n, 7)))
	s.must(st.Synchronize())
	s.wantWords("scale", y.Ptr(), n, scaled(7))
}

func (s *suite) structArguments() {
	type fields struct {
		A int8
		B int32
		C int64
		D float32
	}
	out := s.alloc(16)
	st := s.stream()
	s.must(st.Launch(s.function("fields"), cuda.Launch{Args: []any{out.Ptr(), fields{-3, 1000, 1 << 40, 3}}}))
	s.must(st.Synchronize())
	got := make([]byte, 12)
	s.must(s.dev.CopyToHost(got, out.Ptr()))
	if v := binary.LittleEndian.Uint64(got); v != 1<<40+997 {
		s.Errorf("integers of the struct: got %d, want %d", v, 1<<40+997)
	}
	if v := math.Float32frombits(binary.LittleEndian.Uint32(got[8:])); v != 1.5 {
		s.Errorf("float of the struct: got %g, want 1.5", v)
	}
}

func (s *suite) launchErrors() {
	x := s.alloc(1024)
	st := s.stream()
	f := s.function("scale")
	ok := scaleLaunch(x, x, 1, 1)
	for what, change := range map[string]func(l *cuda.Launch){
		"too many threads":      func(l *cuda.Launch) { l.Block = cuda.Dim3{X: 1024, Y: 2} },
		"negative grid":         func(l *cuda.Launch) { l.Grid = cuda.Dim3{X: -1} },
		"grid too high":         func(l *cuda.Launch) { l.Grid = cuda.Dim3{X: 1, Y: 70000} },
		"argument without size": func(l *cuda.Launch) { l.Args[3] = 1 },
		"pointer to Go memory":  func(l *cuda.Launch) { l.Args[0] = new(int32) },
	} {
		l := ok
		l.Args = append([]any{}, ok.Args...)
		change(&l)
		s.wantCode(what, st.Launch(f, l), cuda.InvalidValue, cuda.LaunchOutOfResources)
	}
	if a := f.Attributes(); a.MaxThreadsPerBlock < 1024 {
		s.Errorf("scale runs with %d threads, want 1024", a.MaxThreadsPerBlock)
	}
	s.wantCode("more threads than .maxntid", st.Launch(s.function("reverse"), cuda.Launch{Block: cuda.Dim3{X: 512}, DynamicShared: 2048, Args: []any{x.Ptr(), x.Ptr()}}),
		cuda.InvalidValue, cuda.LaunchOutOfResources)
}
