package emu

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/unnoise/unnoise/cuda"
)

func init() { cuda.Register("emu", func(arg string) (cuda.Device, error) { return Open(arg) }) }

// options of Open.
type options struct {
	workers    int
	stepBudget uint64
	memory     int64
}

// Option changes how the emulator runs.
type Option func(*options)

// Workers sets how many cores a launch uses; the default is all.
func Workers(n int) Option { return func(o *options) { o.workers = max(1, n) } }

// StepBudget sets how many instructions a warp may execute in one launch before it is taken for an infinite loop.
func StepBudget(n uint64) Option { return func(o *options) { o.stepBudget = n } }

// MemoryLimit sets how many bytes may be allocated.
func MemoryLimit(n int64) Option { return func(o *options) { o.memory = n } }

// Open opens an emulated device: profile "a100" (also the default, ""), "h100" or "rtx4090".
func Open(profile string, opts ...Option) (cuda.Device, error) {
	p, ok := profiles[profile]
	if !ok {
		return nil, &cuda.Error{Code: cuda.InvalidDevice, Call: "Open", Detail: fmt.Sprintf("no emulator profile %q", profile), Advice: "known profiles are a100, h100 and rtx4090"}
	}
	d := &device{props: p, opt: options{workers: runtime.GOMAXPROCS(0), stepBudget: 1 << 26, memory: 8 << 30}, syncs: map[uint64][]uint8{}}
	for _, o := range opts {
		o(&d.opt)
	}
	d.props.TotalMemory = d.opt.memory
	d.mem.limit = d.opt.memory
	return d, nil
}

// device implements cuda.Device. One mutex guards it: the emulator runs one thing at a time, on all cores.
type device struct {
	mu    sync.Mutex
	props cuda.Props
	opt   options
	mem   memory

	closed   bool
	streams  []*stream
	events   []*event
	graphs   []*graph
	modules  []*module
	host     []*hostMemory
	workers  []*worker
	stamp    uint64
	counting bool
	counted  []cuda.LaunchCounters

	syncs     map[uint64][]uint8 // releases seen at each address, in the current launch
	syncBytes int64              // memory of syncs
	syncAll   []uint8            // stands for every release so far, at addresses that syncs has no memory for
}

func (d *device) worker(i int) *worker {
	for len(d.workers) <= i {
		d.workers = append(d.workers, newWorker())
	}
	return d.workers[i]
}

func (d *device) nextStamp() uint64 {
	d.stamp++
	return d.stamp
}

// lock takes the device for a call; it fails when the device is closed.
func (d *device) lock(call string) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return &cuda.Error{Code: cuda.Deinitialized, Call: call, Advice: "the device was closed"}
	}
	return nil
}

// capturing refuses calls that a capture does not allow.
func (d *device) capturing(call string) error {
	for _, s := range d.streams {
		if s.capture != nil {
			return &cuda.Error{Code: cuda.StreamCaptureImplicit, Call: call, Advice: "end the capture first"}
		}
	}
	return nil
}

// begin is lock, and refuses the call during a capture.
func (d *device) begin(call string) error {
	if err := d.lock(call); err != nil {
		return err
	}
	if err := d.capturing(call); err != nil {
		d.mu.Unlock()
		return err
	}
	return nil
}

func (d *device) Props() cuda.Props { return d.props }

func (d *device) MemInfo() (free, total int64, err error) {
	if err := d.lock("MemInfo"); err != nil {
		return 0, 0, err
	}
	defer d.mu.Unlock()
	return d.mem.limit - d.mem.used, d.mem.limit, nil
}

// deviceMemory is an allocation's handle.
type deviceMemory struct {
	d *device
	a *allocation
}

func (d *device) Alloc(n int64, label string) (cuda.Memory, error) {
	if err := d.begin("Alloc"); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	a, err := d.mem.alloc(n, label)
	if err != nil {
		return nil, err
	}
	return &deviceMemory{d, a}, nil
}

func (m *deviceMemory) Ptr() cuda.DevicePtr { return cuda.DevicePtr(m.a.base) }
func (m *deviceMemory) Size() int64         { return int64(m.a.size) }

func (m *deviceMemory) Close() error {
	m.d.mu.Lock()
	defer m.d.mu.Unlock()
	m.d.mem.free(m.a)
	for _, wk := range m.d.workers {
		wk.forget(m.a.id)
	}
	return nil
}

// hostMemory is page-locked memory: ordinary memory that streams recognise.
type hostMemory struct {
	d *device
	b []byte
}

func (d *device) AllocHost(n int64) (cuda.HostMemory, error) {
	if err := d.begin("AllocHost"); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	if n <= 0 || n > d.mem.limit {
		return nil, &cuda.Error{Code: cuda.InvalidValue, Call: "AllocHost", Detail: fmt.Sprintf("%d bytes", n)}
	}
	h := &hostMemory{d, alignedBytes(int(n))}
	d.host = append(d.host, h)
	return h, nil
}

func (h *hostMemory) Bytes() []byte { return h.b }

func (h *hostMemory) Close() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.d.host = remove(h.d.host, h)
	h.b = nil
	return nil
}

// remove takes x out of a list of open objects.
func remove[T comparable](list []T, x T) []T {
	for i, y := range list {
		if y == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

func (d *device) CopyToDevice(dst cuda.DevicePtr, src []byte) error {
	if err := d.begin("CopyToDevice"); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.write("CopyToDevice", uint64(dst), src)
}

func (d *device) CopyToHost(dst []byte, src cuda.DevicePtr) error {
	if err := d.begin("CopyToHost"); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.read("CopyToHost", dst, uint64(src))
}

func (d *device) Copy(dst, src cuda.DevicePtr, n int64) error {
	if err := d.begin("Copy"); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.move("Copy", uint64(dst), uint64(src), n)
}

func (d *device) Memset(dst cuda.DevicePtr, value byte, n int64) error {
	if err := d.begin("Memset"); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.set("Memset", uint64(dst), value, n)
}

// write, read, move and set do the work of the copies, now or when a stream gets to them.
func (d *device) write(call string, dst uint64, src []byte) error {
	data, init, err := d.mem.bytes(call, dst, int64(len(src)))
	if err != nil {
		return err
	}
	copy(data, src)
	fill(init, defined)
	return nil
}

func (d *device) read(call string, dst []byte, src uint64) error {
	data, _, err := d.mem.bytes(call, src, int64(len(dst)))
	if err != nil {
		return err
	}
	copy(dst, data)
	return nil
}

func (d *device) move(call string, dst, src uint64, n int64) error {
	to, toInit, err := d.mem.bytes(call, dst, n)
	if err != nil {
		return err
	}
	from, fromInit, err := d.mem.bytes(call, src, n)
	if err != nil {
		return err
	}
	if dst < src+uint64(n) && src < dst+uint64(n) && n > 0 {
		return &cuda.Error{Code: cuda.InvalidValue, Call: call, Detail: "source and destination overlap"}
	}
	copy(to, from)
	copy(toInit, fromInit)
	return nil
}

func (d *device) set(call string, dst uint64, value byte, n int64) error {
	data, init, err := d.mem.bytes(call, dst, n)
	if err != nil {
		return err
	}
	fill(data, value)
	fill(init, defined)
	return nil
}

func (d *device) EncodeTensorMap(cuda.TensorMapSpec) (cuda.TensorMap, error) {
	return cuda.TensorMap{}, &cuda.Error{Code: cuda.NotSupported, Call: "EncodeTensorMap", Advice: "the emulator has no bulk tensor copies"}
}

// StartCounting implements cuda.Profiler.
func (d *device) StartCounting() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counting, d.counted = true, nil
}

// StopCounting implements cuda.Profiler.
func (d *device) StopCounting() []cuda.LaunchCounters {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counting = false
	out := d.counted
	d.counted = nil
	return out
}

func (d *device) Synchronize() error {
	if err := d.begin("Synchronize"); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.drain()
}

// drain runs all work of all streams and returns the first fault.
func (d *device) drain() error {
	var first error
	for _, s := range d.streams {
		if err := s.drain(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (d *device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	err := d.drain()
	d.closed = true
	for _, m := range d.modules {
		m.release()
	}
	for _, a := range d.mem.all {
		d.mem.free(a)
	}
	d.streams, d.events, d.graphs, d.modules, d.host, d.workers = nil, nil, nil, nil, nil, nil
	return err
}
