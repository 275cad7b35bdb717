//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/cuda/ptx"
)

// function implements cuda.Function.
type function struct {
	m      *module
	name   string
	params []*ptx.Var
	need   [3]int // block that .reqntid requires; zeros: none
	fn     cu.Function
	attrs  cuda.FuncAttributes
}

// handle is the function as C knows it: cu.Function is a struct of nothing but the handle.
func (f *function) handle() C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&f.fn)) }

// function looks a kernel up and reads its attributes.
func (m *module) function(entry *ptx.Func) (*function, error) {
	fn, err := m.mod.Function(entry.Name)
	if err != nil {
		return nil, withDetail(checkCU("Function", err), "%s in module %s", entry.Name, m.name)
	}
	f := &function{m: m, name: entry.Name, params: entry.Params, need: entry.ReqThreads, fn: fn}
	f.attrs.PTXVersion = 10*m.tree.Major + m.tree.Minor
	for _, a := range []struct {
		number cu.FunctionAttribute
		to     *int
	}{
		{cu.NumRegs, &f.attrs.Registers}, {cu.SharedSizeBytes, &f.attrs.StaticShared}, {cu.LocalSizeBytes, &f.attrs.LocalBytes},
		{cu.ConstSizeBytes, &f.attrs.ConstBytes}, {cu.FnMaxThreadsPerBlock, &f.attrs.MaxThreadsPerBlock},
		{cu.FunctionAttribute(C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), &f.attrs.MaxDynamicShared},
	} {
		if *a.to, err = fn.Attribute(a.number); err != nil {
			return nil, withDetail(checkCU("Function", err), "attribute %d of %s", int(a.number), entry.Name)
		}
	}
	m.funcs[entry.Name] = f
	return f, nil
}

func (f *function) Name() string { return f.name }

func (f *function) Attributes() cuda.FuncAttributes {
	var a cuda.FuncAttributes
	// On a closed device the attributes are what they were: nothing else can write them then.
	if err := f.m.d.thread.do(func() error { a = f.attrs; return nil }); err != nil {
		return f.attrs
	}
	return a
}

// wrong is an error about a call for this kernel.
func (f *function) wrong(call string, code cuda.Code, advice, format string, args ...any) error {
	return &cuda.Error{Code: code, Call: call, Kernel: f.name, Detail: fmt.Sprintf(format, args...), Advice: advice}
}

// failed names the kernel in an error.
func (f *function) failed(err error) error {
	if e, ok := err.(*cuda.Error); ok && e != nil {
		e.Kernel = f.name
	}
	return err
}

func (f *function) SetMaxDynamicShared(n int) error {
	const call = "SetMaxDynamicShared"
	return f.m.d.do(call, func() error {
		if err := f.m.open(call); err != nil {
			return err
		}
		if limit := f.m.d.props.SharedOptIn - f.attrs.StaticShared; n < 0 || n > limit {
			return f.wrong(call, cuda.InvalidValue, "", "%d bytes; with %d static, the device allows %d", n, f.attrs.StaticShared, limit)
		}
		r := C.cuFuncSetAttribute(f.handle(), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(n))
		if err := check(call, r); err != nil {
			return f.failed(withDetail(err, "%d bytes", n))
		}
		f.attrs.MaxDynamicShared = n
		return nil
	})
}

func (f *function) Occupancy(blockThreads, dynamicShared int) (blocks int, err error) {
	const call = "Occupancy"
	err = f.m.d.do(call, func() error {
		if err := f.m.open(call); err != nil {
			return err
		}
		if blockThreads <= 0 || dynamicShared < 0 {
			return f.wrong(call, cuda.InvalidValue, "", "%d threads, %d bytes", blockThreads, dynamicShared)
		}
		if blockThreads > f.attrs.MaxThreadsPerBlock || dynamicShared > f.m.d.props.SharedOptIn-f.attrs.StaticShared {
			return nil
		}
		var e error
		blocks, e = f.fn.MaxActiveBlocksPerMultiProcessor(blockThreads, int64(dynamicShared))
		return f.failed(checkCU(call, e))
	})
	return blocks, err
}
