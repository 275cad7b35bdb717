//go:build cuda && cgo

package driver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unnoise/unnoise/cuda"
)

// childEnv makes the test binary another program: it opens a device with whatever driver library the environment gives, prints what
// happens, and ends.
const childEnv = "UNNOISE_TEST_CHILD"

// gpuEnv lets TestGPU use the system's driver.
const gpuEnv = "UNNOISE_TEST_GPU"

// mock is the library of testdata/mock, and the memory that it shares with the tests; nil where it could not be built.
var mock *mockDriver

type mockDriver struct {
	library, log string
	control      []byte // struct control of mock.h
}

// Offsets in struct control.
const (
	failAt, codeAt, skipAt, devicesAt, majorAt, minorAt, versionAt, memoryAt, aliveAt, foreignAt, controlBytes = 0, 64, 68, 72, 76, 80, 84, 88, 96, 124, 128
)

// aliveNames are the counters from aliveAt on.
var aliveNames = []string{"memory", "host memory", "streams", "events", "modules", "graphs", "contexts"}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	if os.Getenv(gpuEnv) != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "unnoise-driver")
	if err == nil {
		err = buildMock(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "without the mock driver:", err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func buildMock(dir string) error {
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	d := &mockDriver{library: filepath.Join(dir, "libcuda.so.1"), log: filepath.Join(dir, "log")}
	control := filepath.Join(dir, "control")
	args := []string{"-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-shared", "-fPIC", "-Iinclude", "-o", d.library}
	sources, err := filepath.Glob("testdata/mock/*.c")
	if err != nil {
		return err
	}
	if out, err := exec.Command(compiler, append(args, sources...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := os.WriteFile(control, make([]byte, controlBytes), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.control, err = unix.Mmap(int(f.Fd()), 0, controlBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return err
	}
	for name, value := range map[string]string{"UNNOISE_LIBCUDA": d.library, "MOCK_CONTROL": control, "MOCK_LOG": d.log, "XDG_CACHE_HOME": filepath.Join(dir, "cache")} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	mock = d
	return nil
}

func (m *mockDriver) set(at int, v int32) { binary.NativeEndian.PutUint32(m.control[at:], uint32(v)) }
func (m *mockDriver) get(at int) int32    { return int32(binary.NativeEndian.Uint32(m.control[at:])) }

// fail lets a function answer with a code, after skip good calls; the code stays until the test ends.
func (m *mockDriver) fail(t *testing.T, function string, code cuda.Code, skip int) {
	t.Helper()
	m.set(codeAt, int32(code))
	m.set(skipAt, int32(skip))
	copy(m.control[failAt:failAt+64], append([]byte(function), 0))
	t.Cleanup(m.works)
}

// works ends fail.
func (m *mockDriver) works() { m.control[failAt] = 0 }

// calls are the lines of the log since the last call.
func (m *mockDriver) calls(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(m.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(m.log, 0); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// needMock skips a test where there is no C compiler, makes the mock an idle A100, and checks in the end that nothing is left behind.
func needMock(t *testing.T) *mockDriver {
	t.Helper()
	if mock == nil {
		t.Skip("no mock driver: it needs a C compiler and the package's folder")
	}
	clear(mock.control)
	mock.set(devicesAt, 1)
	mock.set(majorAt, 8)
	mock.set(versionAt, 12040)
	binary.NativeEndian.PutUint64(mock.control[memoryAt:], 1<<30)
	_ = os.Truncate(mock.log, 0)
	t.Cleanup(func() {
		for i, name := range aliveNames {
			if n := mock.get(aliveAt + 4*i); n != 0 && !t.Failed() {
				t.Errorf("%d %s left behind", n, name)
			}
		}
		if n := mock.get(foreignAt); n != 0 {
			t.Errorf("%d calls on a thread without the context", n)
		}
	})
	return mock
}

// open opens the mock's GPU, to be closed with the test.
func open(t *testing.T) *device {
	t.Helper()
	d, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d.(*device)
}

func child() {
	s := Inspect()
	fmt.Printf("library %q, %d devices\n", s.Library, len(s.Devices))
	d, err := cuda.Open("cuda")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("opened", d.Props().Name, d.Close())
}

// runChild runs this program as childEnv says, with an environment of its own.
func runChild(t *testing.T, env ...string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Env = append(env, childEnv+"=1", "HOME="+t.TempDir())
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return out.String()
}

// rerun runs the calling test in a process of its own, on the system's driver.
func rerun(t *testing.T, env ...string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(append(os.Environ(), "UNNOISE_LIBCUDA=", "XDG_CACHE_HOME="+t.TempDir()), env...)
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
