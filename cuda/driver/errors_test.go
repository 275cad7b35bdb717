//go:build cuda && cgo

package driver

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/cudatest"
)

// wantError checks an error's code and words.
func wantError(t *testing.T, what string, err error, code cuda.Code, words ...string) {
	t.Helper()
	var e *cuda.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: got %v, want code %d", what, err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q lacks %q", what, err, w)
		}
	}
}

// TestOpenErrors: what goes wrong while a GPU is opened says what to do.
func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		function string
		code     cuda.Code
		words    []string
	}{
		{"cuDeviceGetCount", cuda.Unknown, []string{"dmesg"}},
		{"cuDevicePrimaryCtxRetain", cuda.OutOfMemory, []string{"no context on cuda:0 (Mock GPU 0)", "nvidia-smi"}},
		{"cuDevicePrimaryCtxRetain", cuda.DeviceUnavailable, []string{"exclusively"}},
		{"cuCtxSetCurrent", cuda.InvalidContext, nil},
		{"cuDeviceGetAttribute", cuda.InvalidValue, []string{"attribute"}},
		{"cuLinkCreate_v2", jitCompilerNotFound, []string{"probe", "libnvidia-ptxjitcompiler"}},
		{"cuLinkAddData_v2", cuda.UnsupportedPTXVersion, []string{"probe", "PTX 7.0", "compiles up to 8.4", "driver 450 or newer (CUDA 11.0)"}},
		{"cuLinkAddData_v2", cuda.JITCompilationDisabled, []string{"CUDA_DISABLE_PTX_JIT"}},
		{"cuModuleLoadData", cuda.NoBinaryForGPU, []string{"probe", "sm_80"}},
		{"cuStreamSynchronize", cuda.IllegalInstruction, []string{"probe", "--device emu"}},
		{"cuLaunchKernel", cuda.LaunchOutOfResources, []string{"probe", "unnoise_probe", "16 registers"}},
		{"cuModuleGetFunction", 205, []string{"CUDA_ERROR_MAP_FAILED, mapping failed in the mock"}},
	} {
		t.Run(c.function, func(t *testing.T) {
			m := needMock(t)
			if err := os.RemoveAll(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "unnoise")); err != nil {
				t.Fatal(err)
			}
			m.fail(t, c.function, c.code, 0)
			_, err := Open("")
			wantError(t, "Open", err, c.code, c.words...)
		})
	}
}

// TestOpenRefuses: GPUs that are not there, too old, or wrong.
func TestOpenRefuses(t *testing.T) {
	m := needMock(t)
	_, err := Open("3")
	wantError(t, "fourth of one", err, cuda.InvalidDevice, "cuda:3 was asked for, the driver shows 1")
	for _, arg := range []string{"x", "-1", "0:0"} {
		_, err = Open(arg)
		wantError(t, arg, err, cuda.InvalidDevice, "not the number")
	}
	m.set(majorAt, 7)
	m.set(minorAt, 5)
	_, err = Open("")
	wantError(t, "Turing", err, cuda.NoBinaryForGPU, "compute capability 7.5", "8.0 or newer")
	m.set(devicesAt, 0)
	_, err = Open("")
	wantError(t, "no GPU", err, cuda.NoDevice, "--device cpu")
}

// TestInspect: the report of two GPUs, of which one is too old, needs no context.
func TestInspect(t *testing.T) {
	m := needMock(t)
	m.set(devicesAt, 2)
	s := Inspect()
	if s.Library != m.library || s.CUDA != "12.4" || s.PTX != "8.4" || len(s.Devices) != 2 || s.Err != nil || !s.Built {
		t.Errorf("status %+v", s)
	}
	if d := s.Devices[1]; d.ID != "cuda:1" || d.Name != "Mock GPU 1" || d.SMs != 108 || d.TotalMemory != 1<<30 || !strings.HasPrefix(d.UUID, "GPU-11111111-1111") {
		t.Errorf("device %+v", d)
	}
	m.set(majorAt, 7)
	if s = Inspect(); !errors.Is(s.Err, cuda.NoBinaryForGPU) {
		t.Errorf("old GPUs: %v", s.Err)
	}
}

// TestOutOfMemory: the error says who asked for how much, what is free, and what to lower.
func TestOutOfMemory(t *testing.T) {
	needMock(t)
	d := open(t)
	weights, err := d.Alloc(1<<28, "weights")
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	_, err = d.Alloc(3<<29, "arena of train")
	wantError(t, "device", err, cuda.OutOfMemory, `"arena of train" asks for 1.50 GiB`, "768.0 MiB of 1.00 GiB are free on cuda:0", "--batch", "--dtype bf16")
	mock.fail(t, "cuMemHostAlloc", cuda.OutOfMemory, 0)
	_, err = d.AllocHost(10 << 20)
	wantError(t, "host", err, cuda.OutOfMemory, "10.0 MiB of page-locked host memory")
}

// TestFault: a kernel's fault comes out at the synchronisation, with the launches before it; then the device is lost, and opening it again
// gives a new one.
func TestFault(t *testing.T) {
	for _, code := range []cuda.Code{cuda.IllegalAddress, cuda.MisalignedAddress, cuda.LaunchFailed} {
		t.Run(code.Error(), func(t *testing.T) {
			m := needMock(t)
			d := open(t)
			f, s := probeFunction(t, d)
			mem, err := d.Alloc(4, "out")
			if err != nil {
				t.Fatal(err)
			}
			for _, label := range []string{"first", "second"} {
				if err := s.Launch(f, cuda.Launch{Args: []any{mem.Ptr(), uint32(1)}, Label: label}); err != nil {
					t.Fatal(err)
				}
			}
			m.fail(t, "cuStreamSynchronize", code, 0)
			wantError(t, "Synchronize", s.Synchronize(), code, "queued last: ", "unnoise_probe [first], unnoise_probe [second]", "--device emu")
			m.works()
			_, err = d.Alloc(4, "later")
			wantError(t, "later", err, code, "stopped at an earlier fault: close it")
			m.calls(t)
			if err := errors.Join(mem.Close(), s.Close(), d.Close()); err != nil {
				t.Errorf("closing after a fault: %v", err)
			}
			if calls := strings.Join(m.calls(t), "\n"); !strings.Contains(calls, "cuDevicePrimaryCtxReset_v2") {
				t.Errorf("the context was not reset: %s", calls)
			}
			open(t)
		})
	}
}

// TestJITLog: what the driver's compiler says is in the error.
func TestJITLog(t *testing.T) {
	needMock(t)
	_, err := open(t).LoadModule("broken.ptx", []byte(strings.Replace(probeText, "%r2,", "%r99,", 1)))
	wantError(t, "broken", err, cuda.InvalidPTX, "broken.ptx", "compiled for sm_80, Mock GPU 0 is sm_80", "line 21; error : Unknown symbol '%r99'; ptxas fatal")
}

// TestUnreadableModule: a module that the driver takes and whose parameters cannot be read is refused and unloaded.
func TestUnreadableModule(t *testing.T) {
	needMock(t)
	_, err := open(t).LoadModule("odd.ptx", []byte(probeText+"?"))
	wantError(t, "odd", err, cuda.InvalidPTX, "cannot be read")
}

// TestPanic: a panic on the device's thread is an error of the call, and the thread lives on.
func TestPanic(t *testing.T) {
	th := startThread()
	defer th.stop()
	err := th.do(func() error { var p *int; *p = 1; return nil })
	wantError(t, "panic", err, cuda.Unknown, "internal error")
	if err := th.do(func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestWithoutLibrary: a program that finds no driver says so, and says what to do.
func TestWithoutLibrary(t *testing.T) {
	out := runChild(t, "UNNOISE_LIBCUDA=/nowhere/libcuda.so.1")
	if !strings.Contains(out, `library "", 0 devices`) || !strings.Contains(out, "no CUDA driver: /nowhere/libcuda.so.1") || !strings.Contains(out, "--device cpu") {
		t.Errorf("got %s", out)
	}
}

// TestNotADriver: a library without the driver's functions is no driver.
func TestNotADriver(t *testing.T) {
	if mock == nil {
		t.Skip("no C compiler")
	}
	out := runChild(t, "UNNOISE_LIBCUDA=libc.so.6")
	if !strings.Contains(out, "does not start") || !strings.Contains(out, "not supported") {
		t.Errorf("got %s", out)
	}
}

// toolkit is where scripts/toolkit.sh puts NVIDIA's libraries.
const toolkit = "../../build/cuda/usr/lib/x86_64-linux-gnu"

// TestRealLibrary: NVIDIA's own library on a machine without a GPU, and the toolkit's stub.
func TestRealLibrary(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{toolkit + "/nvidia/current/libcuda.so.1", "no CUDA device"}, {toolkit + "/stubs/libcuda.so", "the CUDA toolkit's stub"},
	} {
		path, err := filepath.Abs(c.file)
		if _, e := os.Stat(path); err != nil || e != nil || runtime.GOARCH != "amd64" {
			t.Skip("not unpacked: scripts/toolkit.sh")
		}
		if _, err := os.Stat("/proc/driver/nvidia/version"); err == nil {
			t.Skip("this machine has a GPU")
		}
		if out := runChild(t, "UNNOISE_LIBCUDA="+path); !strings.Contains(out, c.want) || !strings.Contains(out, path) {
			t.Errorf("%s: got %s", c.file, out)
		}
	}
}

// TestGPU runs the suite of package cuda on the machine's GPU, if it has one, in a process of its own: the mock is loaded in this one.
func TestGPU(t *testing.T) {
	if os.Getenv(gpuEnv) != "" {
		cudatest.Run(t, func() (cuda.Device, error) { return cuda.Open("cuda:0") })
		return
	}
	if out := runChild(t); !strings.Contains(out, "opened") {
		t.Skip(strings.TrimSpace(out))
	}
	rerun(t, gpuEnv+"=1")
}

// TestInitErrors: what the driver's cuInit answers where it cannot start.
func TestInitErrors(t *testing.T) {
	m := needMock(t)
	for code, want := range map[cuda.Code]string{
		cuda.NoDriver: "stubs folder", cuda.NoDevice: "CUDA_VISIBLE_DEVICES", cuda.DeviceUnavailable: "exclusively", cuda.SystemDriverMismatch: "reboot",
		cuda.SystemNotCompatible: "cuda-compat", cuda.NotPermitted: "/dev/nvidia", cuda.Unknown: "dmesg",
	} {
		m.fail(t, "cuInit", code, 0)
		out := runChild(t, "UNNOISE_LIBCUDA="+m.library, "MOCK_CONTROL="+os.Getenv("MOCK_CONTROL"))
		if !strings.Contains(out, "0 devices") || !strings.Contains(out, code.Error()) || !strings.Contains(out, "does not start") || !strings.Contains(out, want) {
			t.Errorf("%d: got %s", code, out)
		}
	}
}
