//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// module implements cuda.Module.
type module struct {
	d      *device
	name   string
	tree   *ptx.Module // for the kernels' parameters
	mod    cu.Module
	funcs  map[string]*function
	closed bool
}

func (d *device) LoadModule(name string, text []byte) (cuda.Module, error) {
	m := &module{d: d, name: name, funcs: map[string]*function{}}
	err := d.idle("LoadModule", func() error {
		mod, err := d.compile(name, text)
		if err != nil {
			return err
		}
		tree, err := ptx.Parse(name, text)
		if err != nil {
			_ = mod.Unload()
			return &cuda.Error{Code: cuda.InvalidPTX, Call: "LoadModule", Detail: "the driver accepts the module, the kernels' parameters cannot be read", Err: err}
		}
		m.mod, m.tree = mod, tree
		d.modules[m] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// compile loads PTX, through the cache.
func (d *device) compile(name string, text []byte) (cu.Module, error) {
	if code := d.cache.get(text); code != nil {
		if mod, err := cu.LoadData(string(code)); err == nil {
			return mod, nil
		}
		d.cache.drop(text)
	}
	code, err := d.link(name, text)
	if err != nil {
		return cu.Module{}, err
	}
	mod, err := cu.LoadData(string(code))
	if err != nil {
		return mod, withDetail(checkCU("LoadModule", err), "%s, compiled for sm_%d", name, d.props.SM())
	}
	d.cache.put(text, code)
	return mod, nil
}

// logBytes is how much the compiler may say.
const logBytes = 16 << 10

// link compiles PTX to machine code. The compiler's messages become the cause of the error.
func (d *device) link(name string, text []byte) ([]byte, error) {
	source := C.CString(string(text))
	defer C.free(unsafe.Pointer(source))
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	log := (*C.char)(C.malloc(logBytes))
	defer C.free(unsafe.Pointer(log))
	var image unsafe.Pointer
	var n C.size_t
	r := C.unnoise_compile(source, C.size_t(len(text)+1), cname, log, logBytes, &image, &n)
	if r != C.CUDA_SUCCESS {
		return nil, d.linkError(cuda.Code(r), name, text, C.GoString(log))
	}
	defer C.free(image)
	return C.GoBytes(image, C.int(n)), nil
}

// linkError explains why the driver does not take a module.
func (d *device) linkError(code cuda.Code, name string, text []byte, log string) error {
	e := failure("LoadModule", code, "")
	e = withDetail(e, "%s", name).(*cuda.Error)
	version, target := header(text)
	switch code {
	case cuda.UnsupportedPTXVersion:
		e = withDetail(e, "it is written in PTX %d.%d, the driver (%s) compiles up to %s", version/10, version%10, d.props.Driver, d.newestPTX()).(*cuda.Error)
		e.Advice = neededFor(version) + ": update the driver"
	case cuda.NoBinaryForGPU, cuda.InvalidPTX, cuda.InvalidImage:
		e = withDetail(e, "it is compiled for %s, %s is sm_%d", target, d.props.Name, d.props.SM()).(*cuda.Error)
	}
	if log = strings.TrimSpace(log); log != "" {
		e.Err = errors.New(strings.Join(strings.Fields(strings.ReplaceAll(log, "\n", "; ")), " "))
	}
	return e
}

func (d *device) newestPTX() string {
	if p := newestPTX(d.version); p > 0 {
		return fmt.Sprintf("%d.%d", p/10, p%10)
	}
	return "an older version"
}

// header reads the .version (10*major + minor) and .target directives of PTX text.
func header(text []byte) (version int, target string) {
	target = "an unknown target"
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case ".version":
			var major, minor int
			if _, err := fmt.Sscanf(f[1], "%d.%d", &major, &minor); err == nil {
				version = 10*major + minor
			}
		case ".target":
			return version, strings.TrimSuffix(f[1], ",")
		}
	}
	return version, target
}

// open refuses a module that was closed.
func (m *module) open(call string) error {
	if m.closed {
		return &cuda.Error{Code: cuda.InvalidHandle, Call: call, Detail: fmt.Sprintf("module %s is closed", m.name)}
	}
	return nil
}

func (m *module) Function(name string) (cuda.Function, error) {
	var f *function
	err := m.d.do("Function", func() error {
		if err := m.open("Function"); err != nil {
			return err
		}
		if f = m.funcs[name]; f != nil {
			return nil
		}
		entry := m.tree.Func(name)
		if entry == nil || !entry.Entry {
			return &cuda.Error{Code: cuda.NotFound, Call: "Function", Kernel: name, Detail: fmt.Sprintf("module %s has %s", m.name, strings.Join(m.kernels(), ", "))}
		}
		var err error
		f, err = m.function(entry)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// kernels lists the module's kernels, sorted.
func (m *module) kernels() []string {
	var names []string
	for _, f := range m.tree.Funcs {
		if f.Entry {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *module) Global(name string) (p cuda.DevicePtr, n int64, err error) {
	err = m.d.do("Global", func() error {
		if err := m.open("Global"); err != nil {
			return err
		}
		ptr, size, err := m.mod.Global(name)
		if err != nil && codeOf(err) == cuda.NotFound {
			return &cuda.Error{Code: cuda.NotFound, Call: "Global", Detail: fmt.Sprintf("module %s has no .global or .const variable %s", m.name, name)}
		}
		p, n = cuda.DevicePtr(ptr), size
		return checkCU("Global", err)
	})
	return p, n, err
}

func (m *module) Close() error { return m.d.release("Module.Close", m.free) }

func (m *module) free() error {
	if m.closed {
		return nil
	}
	m.closed = true
	delete(m.d.modules, m)
	return checkCU("Module.Close", m.mod.Unload())
}
