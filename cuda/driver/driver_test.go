//go:build cuda && cgo

package driver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/cudatest"
)

// TestMockConformance runs the suite of package cuda on the mock driver: everything between the interface and the driver's functions
// is the code that runs on a GPU.
func TestMockConformance(t *testing.T) {
	needMock(t)
	cudatest.Run(t, func() (cuda.Device, error) { return cuda.Open("cuda:0") })
}

// TestHandles: function.handle and stream.handle take the handles out of gorgonia.org/cu's structs.
func TestHandles(t *testing.T) {
	if unsafe.Sizeof(cu.Function{}) != unsafe.Sizeof(uintptr(0)) || unsafe.Sizeof(cu.Stream{}) != unsafe.Sizeof(uintptr(0)) {
		t.Error("cu.Function or cu.Stream holds more than the handle")
	}
}

// TestOneThread: all calls of the driver between Open and Close come from one thread, whatever goroutines call.
func TestOneThread(t *testing.T) {
	m := needMock(t)
	d := open(t)
	m.calls(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			buf := make([]byte, 1000)
			for range 10 {
				mem, err := d.Alloc(1000, fmt.Sprint(i))
				if err == nil {
					err = errors.Join(d.Memset(mem.Ptr(), byte(i), 1000), d.CopyToHost(buf, mem.Ptr()), mem.Close())
				}
				if err != nil || !bytes.Equal(buf, bytes.Repeat([]byte{byte(i)}, 1000)) {
					t.Errorf("goroutine %d: %v", i, err)
				}
			}
		}()
	}
	wg.Wait()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	threads := map[string]int{}
	for _, line := range m.calls(t) {
		_, thread, _ := strings.Cut(line, " ")
		threads[thread]++
	}
	if len(threads) != 1 {
		t.Errorf("calls by thread: %v", threads)
	}
	if err := d.Memset(1, 0, 1); !errors.Is(err, cuda.Deinitialized) {
		t.Errorf("after Close: %v", err)
	}
}

// TestArguments: the driver gets the bytes of PackArgs, argument by argument.
func TestArguments(t *testing.T) {
	m := needMock(t)
	d := open(t)
	mod, err := d.LoadModule("args.ptx", []byte(`.version 7.0
.target sm_80
.address_size 64
.visible .entry args_8_1_16_4_128_2(.param .u64 a, .param .u8 b, .param .align 8 .b8 c[16], .param .f32 d, .param .align 64 .b8 e[128], .param .u16 f) { ret; }
.visible .entry args() { ret; }
`))
	if err != nil {
		t.Fatal(err)
	}
	f, err := mod.Function("args_8_1_16_4_128_2")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	type pair struct {
		A int32
		B int64
	}
	args := []any{cuda.DevicePtr(0x1122334455667788), uint8(0x99), pair{-1, 2}, float32(1), cuda.TensorMap{0: 0xaa, 127: 0xbb}, uint16(0xccdd)}
	m.calls(t)
	if err := s.Launch(f, cuda.Launch{Grid: cuda.Dim3{X: 3, Y: 2}, Block: cuda.Dim3{X: 32, Z: 2}, DynamicShared: 100, Args: args}); err != nil {
		t.Fatal(err)
	}
	want := "launch args_8_1_16_4_128_2 grid 3 2 1 block 32 1 2 shared 100 args 8877665544332211,99,ffffffff000000000200000000000000,0000803f,aa" +
		strings.Repeat("00", 126) + "bb,ddcc"
	if calls := m.calls(t); !slices.Contains(calls, want) {
		t.Errorf("got %s\nwant %s", strings.Join(calls, "\n"), want)
	}
	for what, bad := range map[string][]any{"too few": args[:5], "too many": append(slices.Clone(args), int32(1)), "wrong size": append(slices.Clone(args[:5]), int32(1))} {
		if err := s.Launch(f, cuda.Launch{Args: bad}); !errors.Is(err, cuda.InvalidValue) || !strings.Contains(err.Error(), "parameter") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f, err = mod.Function("args"); err != nil {
		t.Fatal(err)
	}
	if err := s.Launch(f, cuda.Launch{}); err != nil {
		t.Errorf("no arguments: %v", err)
	}
}

// TestClusters: a launch with a cluster goes the way that knows them, and only where the GPU has them.
func TestClusters(t *testing.T) {
	m := needMock(t)
	m.set(majorAt, 9)
	d := open(t)
	f, s := probeFunction(t, d)
	l := cuda.Launch{Grid: cuda.Dim3{X: 4}, Cluster: cuda.Dim3{X: 2}, Args: []any{cuda.DevicePtr(0), uint32(0)}}
	mem, err := d.Alloc(4, "out")
	if err != nil {
		t.Fatal(err)
	}
	l.Args[0] = mem.Ptr()
	m.calls(t)
	if err := s.Launch(f, l); err != nil {
		t.Fatal(err)
	}
	if calls := m.calls(t); !slices.Contains(calls, "cluster 2 1 1") {
		t.Errorf("calls: %v", calls)
	}
	l.Cluster = cuda.Dim3{X: 3}
	if err := s.Launch(f, l); !errors.Is(err, cuda.InvalidValue) {
		t.Errorf("a grid that the cluster does not divide: %v", err)
	}
	d.props.MaxCluster = 1
	if err := s.Launch(f, l); !errors.Is(err, cuda.NotSupported) {
		t.Errorf("no clusters: %v", err)
	}
}

func probeFunction(t *testing.T, d *device) (cuda.Function, cuda.Stream) {
	t.Helper()
	m, err := d.LoadModule("probe.ptx", []byte(probeText))
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("unnoise_probe")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

// TestCache: compiled code is kept and used, under a key that PTX, driver and architecture change; a damaged entry or one that the driver
// refuses is made anew.
func TestCache(t *testing.T) {
	m := needMock(t)
	d := open(t)
	d.cache.dir = t.TempDir()
	text := []byte(strings.Replace(probeText, "unnoise_probe", "args_8_4", 1))
	compiled := func() int {
		t.Helper()
		m.calls(t)
		mod, err := d.LoadModule("cached.ptx", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := mod.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, line := range m.calls(t) {
			if strings.HasPrefix(line, "cuLinkComplete") {
				n++
			}
		}
		return n
	}
	expect := func(what string, want int) {
		t.Helper()
		if got := compiled(); got != want {
			t.Errorf("%s: compiled %d times, want %d", what, got, want)
		}
	}
	expect("empty cache", 1)
	expect("full cache", 0)
	path := d.cache.path(text)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func([]byte) []byte{
		"cut off": func(b []byte) []byte { return b[:len(b)-1] }, "empty": func([]byte) []byte { return nil },
		"changed byte": func(b []byte) []byte { b[len(b)-2] ^= 1; return b }, "other magic": func(b []byte) []byte { b[0] = 'U'; return b },
	} {
		if err := os.WriteFile(path, damage(bytes.Clone(good)), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(what, 1)
		expect(what+", repaired", 0)
	}
	d.cache.put(text, []byte("code of another driver"))
	expect("refused by the driver", 1)
	expect("refused by the driver, repaired", 0)
	for _, machine := range []string{"cuda 12050, module , sm_80", "cuda 12040, module , sm_90"} {
		if other := (&cache{d.cache.dir, machine}).path(text); other == path {
			t.Errorf("%s has the same key", machine)
		}
	}
	d.cache.dir = filepath.Join(path, "not-a-folder")
	expect("cache that cannot be written", 1)
	d.cache.dir = ""
	expect("no cache", 1)
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 1 {
		t.Errorf("files in the cache: %v", files)
	}
}

// TestWaitForNothing: waiting for an event that was never recorded is no wait, in a capture too.
func TestWaitForNothing(t *testing.T) {
	needMock(t)
	d := open(t)
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Wait(e), s.BeginCapture(), s.Wait(e)); err != nil {
		t.Fatal(err)
	}
	g, err := s.EndCapture()
	if err != nil || g.Nodes() != 0 {
		t.Errorf("an empty graph: %v, %v", g, err)
	}
}

// TestCaptureRules: what a capture does not allow is refused before it reaches the driver, and the capture goes on.
func TestCaptureRules(t *testing.T) {
	m := needMock(t)
	d := open(t)
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	side, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	fork, err := d.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	mem, err := d.Alloc(16, "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.BeginCapture(); err != nil {
		t.Fatal(err)
	}
	m.calls(t)
	_, allocHost := d.AllocHost(16)
	_, load := d.LoadModule("probe.ptx", []byte(probeText))
	for what, err := range map[string]error{"page-locked memory": allocHost, "module": load, "copy": d.Copy(mem.Ptr(), mem.Ptr()+8, 8), "memset": d.Memset(mem.Ptr(), 0, 8),
		"device": d.Synchronize(), "event": fork.Synchronize()} {
		wantError(t, what, err, cuda.StreamCaptureImplicit, "end the capture first")
	}
	if calls := m.calls(t); len(calls) != 1 || calls[0] != "" {
		t.Errorf("calls of the driver: %v", calls)
	}
	if err := errors.Join(s.Record(fork), side.Wait(fork), side.Memset(mem.Ptr(), 1, 8)); err != nil {
		t.Fatal(err)
	}
	wantError(t, "joined stream", side.Synchronize(), cuda.StreamCaptureUnsupported)
	wantError(t, "begun twice", s.BeginCapture(), cuda.IllegalState)
	_, err = side.EndCapture()
	wantError(t, "ended elsewhere", err, cuda.StreamCaptureUnmatched)
	_, err = fork.Query()
	wantError(t, "event of the capture", err, cuda.InvalidValue, "in a capture")
	_, err = s.EndCapture()
	wantError(t, "not joined", err, cuda.StreamCaptureUnjoined, "record an event")
	if err := errors.Join(s.Synchronize(), d.Synchronize()); err != nil {
		t.Errorf("after the capture: %v", err)
	}
}

// TestPinned: copies on a stream take slices of the device's own page-locked memory, of any part of it, and nothing else.
func TestPinned(t *testing.T) {
	needMock(t)
	d := open(t)
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	mem, err := d.Alloc(100, "x")
	if err != nil {
		t.Fatal(err)
	}
	h, err := d.AllocHost(64)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.Bytes(), make([]byte, 64)) {
		t.Error("page-locked memory is not zeroed")
	}
	copy(h.Bytes(), "0123456789")
	if err := errors.Join(s.CopyToDevice(mem.Ptr(), h.Bytes()[2:6]), s.CopyToHost(h.Bytes()[60:], mem.Ptr()), s.CopyToHost(nil, mem.Ptr()), s.Synchronize()); err != nil {
		t.Fatal(err)
	}
	if got := string(h.Bytes()[60:]); got != "2345" {
		t.Errorf("got %q", got)
	}
	for what, b := range map[string][]byte{"pageable": make([]byte, 4), "past the end": unsafe.Slice(&h.Bytes()[62], 4)} {
		if err := s.CopyToDevice(mem.Ptr(), b); !errors.Is(err, cuda.InvalidValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	b := h.Bytes()
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.CopyToDevice(mem.Ptr(), b[:4]); !errors.Is(err, cuda.InvalidValue) || h.Bytes() != nil {
		t.Errorf("closed memory: %v", err)
	}
}

// TestTensorMap: the descriptor is what the driver's encoder writes, for devices that have bulk copies.
func TestTensorMap(t *testing.T) {
	m := needMock(t)
	spec := cuda.TensorMapSpec{Base: 0x1000, ElemBytes: 2, Dims: []int64{64, 128}, Strides: []int64{144}, Box: []int{32, 8}, ElemStrides: []int{1, 1}, SwizzleSpan: 64}
	if _, err := open(t).EncodeTensorMap(spec); !errors.Is(err, cuda.NotSupported) {
		t.Errorf("compute capability 8.0: %v", err)
	}
	m.set(majorAt, 9)
	d := open(t)
	got, err := d.EncodeTensorMap(spec)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint64{1, 2, 0x1000, 64, 128, 144, 32, 8, 1, 1, 2}
	for i, w := range want {
		if v := *(*uint64)(unsafe.Pointer(&got[8*i])); v != w {
			t.Errorf("word %d is %d, want %d", i, v, w)
		}
	}
	for what, change := range map[string]func(*cuda.TensorMapSpec){
		"no dimensions": func(s *cuda.TensorMapSpec) { s.Dims = nil }, "strides": func(s *cuda.TensorMapSpec) { s.Strides = nil },
		"elements": func(s *cuda.TensorMapSpec) { s.ElemBytes = 3 }, "swizzle": func(s *cuda.TensorMapSpec) { s.SwizzleSpan = 16 },
		"box": func(s *cuda.TensorMapSpec) { s.Box = []int{0, 8} },
	} {
		s := spec
		change(&s)
		if _, err := d.EncodeTensorMap(s); !errors.Is(err, cuda.InvalidValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// names are the functions of the driver that were called, of those asked for.
func names(calls []string, of ...string) []string {
	var list []string
	for _, line := range calls {
		if name, _, _ := strings.Cut(line, " "); slices.Contains(of, name) {
			list = append(list, name)
		}
	}
	return list
}

// TestCopiesHaveArrived: the driver's synchronous copies may return early, so each is followed by waiting for their stream.
func TestCopiesHaveArrived(t *testing.T) {
	m := needMock(t)
	d := open(t)
	mem, err := d.Alloc(16, "x")
	if err != nil {
		t.Fatal(err)
	}
	m.calls(t)
	b := make([]byte, 8)
	if err := errors.Join(d.CopyToDevice(mem.Ptr(), b), d.Memset(mem.Ptr(), 1, 8), d.Copy(mem.Ptr()+8, mem.Ptr(), 8), d.CopyToHost(b, mem.Ptr()+8)); err != nil {
		t.Fatal(err)
	}
	want := []string{"cuMemcpyHtoD_v2", "cuStreamSynchronize", "cuMemsetD8_v2", "cuStreamSynchronize", "cuMemcpyDtoD_v2", "cuStreamSynchronize",
		"cuMemcpyDtoH_v2", "cuStreamSynchronize"}
	if got := names(m.calls(t), want...); !slices.Equal(got, want) || !bytes.Equal(b, bytes.Repeat([]byte{1}, 8)) {
		t.Errorf("calls %v, bytes %v", got, b)
	}
}

// TestCloseOrder: what is still open is closed before what it needs.
func TestCloseOrder(t *testing.T) {
	m := needMock(t)
	d := open(t)
	_, s := probeFunction(t, d)
	if err := s.BeginCapture(); err != nil {
		t.Fatal(err)
	}
	_, err := s.EndCapture()
	_, err2 := d.NewEvent()
	_, err3 := d.AllocHost(8)
	_, err4 := d.Alloc(8, "x")
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	m.calls(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"cuStreamSynchronize", "cuStreamDestroy_v2", "cuGraphExecDestroy", "cuEventDestroy_v2", "cuModuleUnload", "cuMemFree_v2", "cuMemFreeHost",
		"cuCtxSetCurrent", "cuDevicePrimaryCtxRelease_v2"}
	if got := names(m.calls(t), want...); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// BenchmarkThread is the cost of handing a call to the device's thread and waiting for it.
func BenchmarkThread(b *testing.B) {
	t := startThread()
	defer t.stop()
	f := func() error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := t.do(f); err != nil {
			b.Fatal(err)
		}
	}
}
