package exec

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// stateSlots is how many runs may be queued before the host waits for the oldest one's scalars to be copied.
const stateSlots = 64

// Device is the executor that runs programs on a GPU or the emulator: one stream, one arena for the temporaries of all
// programs, each program captured into a graph when it is first run and replayed from then on.
type Device struct {
	dev       cuda.Device
	selection kernels.Selection
	queue     *gpu.Queue
	state     cuda.Memory // StepState, written before each replay
	slots     cuda.HostMemory
	copied    [stateSlots]cuda.Event // the slot's copy has been made
	next      int

	// mu guards the buffers and the arena; it is held while a program is recorded or captured, since a capture admits no allocation.
	mu         sync.Mutex
	buffers    map[string]*deviceBuffer
	arena      cuda.Memory
	generation int // of the arena: a program recorded for an older one is recorded again
	lives      atomic.Uint32
}

// deviceBuffer is a persistent buffer.
type deviceBuffer struct {
	spec   kernels.Spec
	memory cuda.Memory
}

// DeviceOptions chooses how programs run on a device.
type DeviceOptions struct {
	Selection kernels.Selection
	Library   *gpu.Library // kernels for the device; nil: those that ship. Tests break some.
}

// NewDevice returns an executor on an opened device, which it closes in the end.
func NewDevice(dev cuda.Device, o DeviceOptions) (*Device, error) {
	lib := o.Library
	if lib == nil {
		lib = gpu.NewLibrary(dev)
	}
	m := &Device{dev: dev, selection: o.Selection, buffers: map[string]*deviceBuffer{}}
	stream, err := dev.NewStream()
	if err != nil {
		return nil, err
	}
	if m.state, err = dev.Alloc(gpu.StateBytes, "state"); err != nil {
		return nil, err
	}
	if m.slots, err = dev.AllocHost(stateSlots * gpu.StateBytes); err != nil {
		return nil, err
	}
	for i := range m.copied {
		if m.copied[i], err = dev.NewEvent(); err != nil {
			return nil, err
		}
	}
	m.queue = &gpu.Queue{Library: lib, Stream: stream, State: m.state.Ptr()}
	return m, nil
}

// Name implements Executor.
func (m *Device) Name() string {
	p := m.dev.Props()
	return fmt.Sprintf("%s (%s)", p.ID, p.Name)
}

// Props returns the device's properties.
func (m *Device) Props() cuda.Props { return m.dev.Props() }

// Synchronize waits for all queued work and returns its fault, if any.
func (m *Device) Synchronize() error { return m.queue.Stream.Synchronize() }

// Stream is the stream that programs run on, for events around them.
func (m *Device) Stream() cuda.Stream { return m.queue.Stream }

// Device returns the device.
func (m *Device) Device() cuda.Device { return m.dev }

// Close implements Executor.
func (m *Device) Close() error { return m.dev.Close() }

// Persistent implements Executor.
func (m *Device) Persistent(name string, s kernels.Spec) error {
	_, err := m.persistent(name, s)
	return err
}

// persistent finds or makes a persistent buffer; it stays where it is until the device is closed.
func (m *Device) persistent(name string, s kernels.Spec) (*deviceBuffer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.buffers[name]; ok {
		if b.spec != s {
			return nil, fmt.Errorf("persistent buffer %q is %s, not %s", name, b.spec, s)
		}
		return b, nil
	}
	n := int64(s.Span()) * int64(s.DType.Size())
	mem, err := m.dev.Alloc(n, name)
	if err != nil {
		return nil, fmt.Errorf("persistent buffer %q %s: %w", name, s, err)
	}
	if err := m.dev.Memset(mem.Ptr(), 0, n); err != nil {
		return nil, err
	}
	b := &deviceBuffer{s, mem}
	m.buffers[name] = b
	return b, nil
}

// part finds elements offset..offset+n of a persistent buffer.
func (m *Device) part(name string, ints bool, offset, n int) (*deviceBuffer, cuda.DevicePtr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.buffers[name]
	if !ok {
		return nil, 0, fmt.Errorf("there is no persistent buffer %q", name)
	}
	if ints != (b.spec.DType == kernels.I32) {
		return nil, 0, fmt.Errorf("persistent buffer %q is %s: integers are asked for: %v", name, b.spec, ints)
	}
	if offset < 0 || offset+n > b.spec.Span() {
		return nil, 0, fmt.Errorf("elements %d..%d are outside persistent buffer %q of %d", offset, offset+n, name, b.spec.Span())
	}
	return b, b.memory.Ptr() + cuda.DevicePtr(offset*b.spec.DType.Size()), nil
}

// Write implements Executor.
func (m *Device) Write(name string, offset int, data []float32) error {
	b, at, err := m.part(name, false, offset, len(data))
	if err != nil || len(data) == 0 {
		return err
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	if b.spec.DType == kernels.BF16 {
		return m.dev.CopyToDevice(at, packBF16(make([]byte, 2*len(data)), data))
	}
	return m.dev.CopyToDevice(at, floatBytes(data))
}

// Read implements Executor.
func (m *Device) Read(name string, offset int, dst []float32) error {
	b, at, err := m.part(name, false, offset, len(dst))
	if err != nil || len(dst) == 0 {
		return err
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	if b.spec.DType == kernels.BF16 {
		half := make([]byte, 2*len(dst))
		if err := m.dev.CopyToHost(half, at); err != nil {
			return err
		}
		unpackBF16(dst, half)
		return nil
	}
	return m.dev.CopyToHost(floatBytes(dst), at)
}

// WriteInts implements Executor.
func (m *Device) WriteInts(name string, offset int, data []int32) error {
	_, at, err := m.part(name, true, offset, len(data))
	if err != nil || len(data) == 0 {
		return err
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	return m.dev.CopyToDevice(at, intBytes(data))
}

// ReadInts implements Executor.
func (m *Device) ReadInts(name string, offset int, dst []int32) error {
	_, at, err := m.part(name, true, offset, len(dst))
	if err != nil || len(dst) == 0 {
		return err
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	return m.dev.CopyToHost(intBytes(dst), at)
}

// reserve makes the arena at least n bytes large. A new arena takes the place of the old one. The caller holds mu.
func (m *Device) reserve(n int64) error {
	if m.arena != nil && m.arena.Size() >= n {
		return nil
	}
	if err := m.Synchronize(); err != nil {
		return err
	}
	if m.arena != nil {
		if err := m.arena.Close(); err != nil {
			return err
		}
		m.arena = nil
	}
	m.generation++
	a, err := m.dev.Alloc(n, "arena")
	if err != nil {
		return fmt.Errorf("activations need %.1f MB: %w", float64(n)/1e6, err)
	}
	m.arena = a
	return nil
}

// putState queues the copy of a step's scalars to the device.
func (m *Device) putState(s *kernels.StepState) error {
	i := m.next % stateSlots
	if m.next >= stateSlots {
		if err := m.copied[i].Synchronize(); err != nil {
			return err
		}
	}
	m.next++
	slot := m.slots.Bytes()[i*gpu.StateBytes : (i+1)*gpu.StateBytes]
	state := gpu.NewState(s)
	state.Put(slot)
	if err := m.queue.Stream.CopyToDevice(m.state.Ptr(), slot); err != nil {
		return err
	}
	return m.queue.Stream.Record(m.copied[i])
}
