package cuda

import "time"

// A DevicePtr is an address in device memory, 0 is no address. Addresses of
// one allocation may be added to; nothing else may be assumed about them.
type DevicePtr uint64

// Dim3 is the extent of a grid, block or cluster, or a position in one. In an
// extent a zero component counts as 1.
type Dim3 struct{ X, Y, Z int }

// Normal returns d with every zero component replaced by 1.
func (d Dim3) Normal() Dim3 {
	for _, c := range []*int{&d.X, &d.Y, &d.Z} {
		if *c == 0 {
			*c = 1
		}
	}
	return d
}

// Count is the product of the components of an extent.
func (d Dim3) Count() int64 {
	d = d.Normal()
	return int64(d.X) * int64(d.Y) * int64(d.Z)
}

// Device is an opened GPU or emulator.
type Device interface {
	// Props returns the fixed properties of the device.
	Props() Props

	// MemInfo returns free and total device memory in bytes.
	MemInfo() (free, total int64, err error)

	// Alloc returns n > 0 bytes of device memory, aligned to 256 bytes, with
	// undefined contents. The label names the allocation in reports.
	Alloc(n int64, label string) (Memory, error)

	// AllocHost returns n > 0 bytes of page-locked host memory, zeroed. Copies
	// queued on a stream accept only slices of such memory.
	AllocHost(n int64) (HostMemory, error)

	// CopyToDevice copies len(src) bytes and returns when they have arrived.
	CopyToDevice(dst DevicePtr, src []byte) error
	// CopyToHost copies len(dst) bytes and returns when they have arrived.
	CopyToHost(dst []byte, src DevicePtr) error
	// Copy copies n bytes inside the device; the ranges may not overlap.
	Copy(dst, src DevicePtr, n int64) error
	// Memset sets n bytes to value.
	Memset(dst DevicePtr, value byte, n int64) error

	// LoadModule compiles PTX text. The name is the file's name in errors.
	LoadModule(name string, ptx []byte) (Module, error)

	// NewStream returns an empty stream.
	NewStream() (Stream, error)
	// NewEvent returns an event that has not been recorded; waiting for it
	// returns at once.
	NewEvent() (Event, error)

	// EncodeTensorMap builds the descriptor of a bulk tensor copy. Devices
	// without such copies answer NotSupported.
	EncodeTensorMap(s TensorMapSpec) (TensorMap, error)

	// Synchronize waits for all work of all streams and returns the first fault.
	Synchronize() error

	// Close waits for running work and releases everything.
	Close() error
}

// Memory is one allocation of device memory. Closing it while queued work
// uses it is a mistake: synchronize first.
type Memory interface {
	Ptr() DevicePtr
	Size() int64 // bytes
	Close() error
}

// HostMemory is page-locked host memory. Its bytes may not be used after Close.
type HostMemory interface {
	Bytes() []byte
	Close() error
}

// Module is loaded PTX.
type Module interface {
	// Function returns the kernel (.entry) of that name.
	Function(name string) (Function, error)
	// Global returns address and size in bytes of a .global or .const variable.
	Global(name string) (DevicePtr, int64, error)
	Close() error
}

// Function is a kernel. It lives as long as its module.
type Function interface {
	Name() string
	Attributes() FuncAttributes
	// SetMaxDynamicShared allows launches with up to n bytes of dynamic shared
	// memory. Without this call static and dynamic shared memory together may
	// not exceed Props.SharedPerBlock.
	SetMaxDynamicShared(n int) error
	// Occupancy returns how many blocks of blockThreads threads and
	// dynamicShared bytes fit one multiprocessor; 0 means that none does.
	Occupancy(blockThreads, dynamicShared int) (int, error)
}

// FuncAttributes describes a compiled kernel.
type FuncAttributes struct {
	Registers          int // per thread; what the compiler chose, an estimate on the emulator
	StaticShared       int // bytes per block
	LocalBytes         int // bytes per thread: stack frames and spills
	ConstBytes         int // bytes of user constants
	MaxThreadsPerBlock int // for this kernel
	MaxDynamicShared   int // bytes, as set
	PTXVersion         int // 10*major + minor of the instruction set it was written for (70 = 7.0)
}

// Stream is a queue of work that runs in order.
type Stream interface {
	// CopyToDevice queues a copy. src must be a slice of HostMemory of this device.
	CopyToDevice(dst DevicePtr, src []byte) error
	// CopyToHost queues a copy. dst must be a slice of HostMemory of this device.
	CopyToHost(dst []byte, src DevicePtr) error
	// Copy queues a copy of n bytes inside the device; no overlap.
	Copy(dst, src DevicePtr, n int64) error
	// Memset queues setting n bytes to value.
	Memset(dst DevicePtr, value byte, n int64) error

	// Launch queues a kernel. Arguments are read before Launch returns; a
	// launch that the device can not run is refused here.
	Launch(f Function, l Launch) error

	// Record queues the event: it is reached when all work queued so far is done.
	Record(e Event) error
	// Wait lets work queued later on this stream wait for the last Record of e
	// made before this call.
	Wait(e Event) error

	// BeginCapture starts recording: until EndCapture, work is put into a
	// graph and does not run. Copies, memsets, launches, and records and waits
	// of events are allowed; another stream joins by waiting for an event
	// recorded on a capturing stream, and must be joined back the same way.
	// Synchronous calls, Query, allocation and graph launches are refused
	// with a StreamCapture error code.
	BeginCapture() error
	// EndCapture returns the recorded work, ready to be launched.
	EndCapture() (Graph, error)
	// LaunchGraph queues one replay.
	LaunchGraph(g Graph) error

	// Query tells whether all queued work has run; it does not wait. Work on
	// the emulator runs only when something waits for it.
	Query() (done bool, err error)
	// Synchronize waits for all queued work and returns its fault, if any.
	Synchronize() error
	// Close waits for the queued work.
	Close() error
}

// Event marks a position in a stream.
type Event interface {
	Query() (done bool, err error)
	Synchronize() error
	// Elapsed is the time from start to this event, both recorded and reached.
	Elapsed(start Event) (time.Duration, error)
	Close() error
}

// Graph is captured work: every argument, extent and address is fixed.
type Graph interface {
	// Nodes is the number of copies, memsets and launches in the graph.
	Nodes() int
	Close() error
}
