//go:build cuda && cgo

package driver

//#include "calls.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/unnoise/unnoise/cuda"
)

// device implements cuda.Device. Everything but the thread and the properties is read and written on the thread only.
type device struct {
	thread *thread
	props  cuda.Props

	gpu      cu.Device
	ctx      cu.CUContext
	retained bool
	version  int // cuDriverGetVersion
	cache    *cache

	fault     *cuda.Error // of a kernel; every later call answers it
	recent    [8]string   // the last launches, a ring
	launches  int
	capturing int // captures begun and not ended

	memories map[*memory]struct{}
	hosts    map[*hostMemory]struct{}
	modules  map[*module]struct{}
	streams  map[*stream]struct{}
	events   map[*event]struct{}
	graphs   map[*graph]struct{}
}

func newDevice() *device {
	return &device{thread: startThread(), memories: map[*memory]struct{}{}, hosts: map[*hostMemory]struct{}{}, modules: map[*module]struct{}{},
		streams: map[*stream]struct{}{}, events: map[*event]struct{}{}, graphs: map[*graph]struct{}{}}
}

// do runs a call on the device's thread and keeps a fault that it brings to light.
func (d *device) do(call string, f func() error) error {
	err := d.thread.do(func() error {
		if d.fault != nil {
			again := *d.fault
			again.Call, again.Advice = call, "the device stopped at an earlier fault: close it and open it again"
			return &again
		}
		return d.note(f())
	})
	var e *cuda.Error
	if errors.As(err, &e) && e.Call == "" {
		e.Call = call
	}
	return err
}

// note keeps a fault after which the context is lost, and says which launches came before it.
func (d *device) note(err error) error {
	var e *cuda.Error
	if err == nil || d.fault != nil || !errors.As(err, &e) || !sticky[e.Code] {
		return err
	}
	var last []string
	for i := max(0, d.launches-len(d.recent)); i < d.launches; i++ {
		last = append(last, d.recent[i%len(d.recent)])
	}
	if len(last) > 0 {
		e = withDetail(e, "queued last: %s", strings.Join(last, ", ")).(*cuda.Error)
	}
	d.fault = e
	return err
}

// launched remembers a launch for note.
func (d *device) launched(name, label string) {
	if label != "" {
		name += " [" + label + "]"
	}
	d.recent[d.launches%len(d.recent)] = name
	d.launches++
}

// idle is do for calls that a capture does not allow.
func (d *device) idle(call string, f func() error) error {
	return d.do(call, func() error {
		if d.capturing > 0 {
			return &cuda.Error{Code: cuda.StreamCaptureImplicit, Call: call, Advice: "end the capture first"}
		}
		return f()
	})
}

func (d *device) Props() cuda.Props { return d.props }

func (d *device) MemInfo() (free, total int64, err error) {
	err = d.do("MemInfo", func() error {
		var e error
		free, total, e = cu.MemInfo()
		return checkCU("MemInfo", e)
	})
	return free, total, err
}

// memory implements cuda.Memory.
type memory struct {
	d      *device
	ptr    cu.DevicePtr
	size   int64
	closed bool
}

func (d *device) Alloc(n int64, label string) (cuda.Memory, error) {
	m := &memory{d: d, size: n}
	err := d.idle("Alloc", func() error {
		if n <= 0 {
			return &cuda.Error{Code: cuda.InvalidValue, Call: "Alloc", Detail: fmt.Sprintf("%d bytes for %q", n, label), Advice: "ask for at least one byte"}
		}
		ptr, err := cu.MemAlloc(n)
		if err != nil {
			return d.allocError(checkCU("Alloc", err), n, label)
		}
		m.ptr = ptr
		d.memories[m] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// allocError adds what was asked for and what there is.
func (d *device) allocError(err error, n int64, label string) error {
	if free, total, e := cu.MemInfo(); e == nil {
		return withDetail(err, "%q asks for %s; %s of %s are free on %s", label, size(n), size(free), size(total), d.props.ID)
	}
	return withDetail(err, "%q asks for %s", label, size(n))
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

func (m *memory) Ptr() cuda.DevicePtr { return cuda.DevicePtr(m.ptr) }
func (m *memory) Size() int64         { return m.size }
func (m *memory) Close() error        { return m.d.release("Memory.Close", m.free) }

func (m *memory) free() error {
	if m.closed {
		return nil
	}
	m.closed = true
	delete(m.d.memories, m)
	return checkCU("Memory.Close", cu.MemFree(m.ptr))
}

// release runs the end of an object. After the device is closed there is nothing left to do; after a fault the objects are gone
// with the context.
func (d *device) release(call string, free func() error) error {
	err := d.thread.do(func() error {
		if err := free(); d.fault == nil {
			return d.note(err)
		}
		return nil
	})
	if errors.Is(err, cuda.Deinitialized) {
		return nil
	}
	return err
}

// hostMemory implements cuda.HostMemory.
type hostMemory struct {
	d *device
	b []byte
}

func (d *device) AllocHost(n int64) (cuda.HostMemory, error) {
	h := &hostMemory{d: d}
	err := d.idle("AllocHost", func() error {
		if n <= 0 || n != int64(int(n)) {
			return &cuda.Error{Code: cuda.InvalidValue, Call: "AllocHost", Detail: fmt.Sprintf("%d bytes", n), Advice: "ask for at least one byte"}
		}
		var p unsafe.Pointer
		if err := check("AllocHost", C.cuMemHostAlloc(&p, C.size_t(n), 0)); err != nil {
			return withDetail(err, "%s of page-locked host memory; ulimit -l and the machine's free memory limit it", size(n))
		}
		h.b = unsafe.Slice((*byte)(p), int(n))
		clear(h.b)
		d.hosts[h] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (h *hostMemory) Bytes() []byte { return h.b }
func (h *hostMemory) Close() error  { return h.d.release("HostMemory.Close", h.free) }

func (h *hostMemory) free() error {
	if h.b == nil {
		return nil
	}
	p := unsafe.Pointer(&h.b[0])
	h.b = nil
	delete(h.d.hosts, h)
	return checkCU("HostMemory.Close", cu.MemFreeHost(p))
}

// pinned checks that a slice lies in page-locked memory of the device.
func (d *device) pinned(call string, b []byte) error {
	p := uintptr(unsafe.Pointer(&b[0]))
	for h := range d.hosts {
		if lo := uintptr(unsafe.Pointer(&h.b[0])); p >= lo && p+uintptr(len(b)) <= lo+uintptr(len(h.b)) {
			return nil
		}
	}
	return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: "the slice is not page-locked memory of this device", Advice: "use memory from AllocHost"}
}

func (d *device) CopyToDevice(dst cuda.DevicePtr, src []byte) error {
	return d.copy("CopyToDevice", int64(len(src)), func() error { return cu.MemcpyHtoD(cu.DevicePtr(dst), unsafe.Pointer(&src[0]), int64(len(src))) })
}

func (d *device) CopyToHost(dst []byte, src cuda.DevicePtr) error {
	return d.copy("CopyToHost", int64(len(dst)), func() error { return cu.MemcpyDtoH(unsafe.Pointer(&dst[0]), cu.DevicePtr(src), int64(len(dst))) })
}

func (d *device) Copy(dst, src cuda.DevicePtr, n int64) error {
	return d.copy("Copy", n, func() error { return cu.MemcpyDtoD(cu.DevicePtr(dst), cu.DevicePtr(src), n) })
}

func (d *device) Memset(dst cuda.DevicePtr, value byte, n int64) error {
	return d.copy("Memset", n, func() error { return cu.MemsetD8(cu.DevicePtr(dst), value, n) })
}

// copy runs a synchronous copy. The driver's calls may return before the data has arrived, so the stream that they use is waited for.
func (d *device) copy(call string, n int64, f func() error) error {
	return d.idle(call, func() error {
		if n == 0 {
			return nil
		}
		if err := f(); err != nil {
			return withDetail(checkCU(call, err), "%d bytes", n)
		}
		return checkCU(call, cu.NoStream.Synchronize())
	})
}

func (d *device) Synchronize() error {
	return d.idle("Device.Synchronize", func() error { return checkCU("Device.Synchronize", cu.Synchronize()) })
}

// Close waits for running work and releases everything. A fault that nothing has reported yet is returned.
func (d *device) Close() error {
	err := d.thread.do(d.close)
	d.thread.stop()
	if errors.Is(err, cuda.Deinitialized) {
		return nil
	}
	return err
}

func (d *device) close() error {
	if !d.retained {
		return nil
	}
	reported := d.fault != nil
	var first error
	keep := func(err error) {
		if first == nil && d.fault == nil {
			first = d.note(err)
		}
	}
	for s := range d.streams {
		keep(s.free())
	}
	for g := range d.graphs {
		keep(g.free())
	}
	for e := range d.events {
		keep(e.free())
	}
	for m := range d.modules {
		keep(m.free())
	}
	for m := range d.memories {
		keep(m.free())
	}
	for h := range d.hosts {
		keep(h.free())
	}
	d.retained = false
	if d.fault != nil {
		// A lost context is taken down for the whole process, so that opening the GPU again gives a new one.
		_ = d.gpu.ResetPrimaryCtx()
	}
	keep(checkCU("Device.Close", cu.SetCurrentContext(cu.CUContext{})))
	keep(checkCU("Device.Close", d.gpu.ReleasePrimaryCtx()))
	if reported {
		return nil
	}
	return first
}
