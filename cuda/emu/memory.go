package emu

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/unnoise/unnoise/cuda"
)

// An address is an allocation's number and an offset: number<<36 | offset. Offsets of an allocation start in the middle of
// its window, so that up to 32 GiB before and after it are guard bands that belong to no other allocation. The first
// numbers are the windows of generic addressing.
const (
	idShift   = 36
	windowMid = uint64(1) << 35
	offMask   = uint64(1)<<idShift - 1

	sharedWindow = 1 // generic addresses of shared memory
	localWindow  = 2 // generic addresses of local memory
	funcWindow   = 3 // addresses of device functions
	firstAlloc   = 16

	sharedBase = uint64(sharedWindow) << idShift
	localBase  = uint64(localWindow) << idShift
	funcBase   = uint64(funcWindow) << idShift
)

// Shadow values, one byte for each byte of memory.
const (
	undefined = 0 // nobody wrote it
	defined   = 1
	inFlight  = 2 // destination of a cp.async that was not waited for
	oldValue  = 3 // defined before the launch, in an operand that the launch must write
)

// pageShift is the size of the pages in which race cells and the undo journal are kept.
const pageShift = 12

// allocation is one piece of device memory.
type allocation struct {
	id    uint32
	label string
	base  uint64 // address of the first byte
	size  uint64
	data  []byte // padded to whole pages
	init  []byte // shadow, same length
	freed bool
	// variable is set for .global and .const variables of modules, which need no operand.
	variable bool
	readOnly bool // .const
	lives    map[lifeKey]*lifeState
}

// memory is the device's address space.
type memory struct {
	mu    sync.Mutex
	all   []*allocation // by id - firstAlloc
	used  int64
	limit int64
}

// alignedBytes returns n zeroed bytes aligned to 8.
func alignedBytes(n int) []byte {
	if n == 0 {
		return nil
	}
	w := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), len(w)*8)[:n:n]
}

// alloc reserves n bytes.
func (m *memory) alloc(n int64, label string) (*allocation, error) {
	if n <= 0 {
		return nil, &cuda.Error{Code: cuda.InvalidValue, Call: "Alloc", Detail: fmt.Sprintf("%d bytes", n), Advice: "allocate at least one byte"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > m.limit-m.used || uint64(n) > windowMid {
		return nil, &cuda.Error{Code: cuda.OutOfMemory, Call: "Alloc", Detail: fmt.Sprintf("%d bytes for %q, %d of %d are in use", n, label, m.used, m.limit)}
	}
	padded := (int(n) + 1<<pageShift - 1) &^ (1<<pageShift - 1)
	id := uint32(len(m.all) + firstAlloc)
	if uint64(id) >= 1<<(63-idShift) {
		return nil, &cuda.Error{Code: cuda.OutOfMemory, Call: "Alloc", Detail: "allocation numbers are used up", Advice: "open the device again"}
	}
	if label == "" {
		label = fmt.Sprintf("allocation %d", id-firstAlloc+1)
	}
	a := &allocation{
		id: id, label: label, base: uint64(id)<<idShift | windowMid, size: uint64(n),
		data: alignedBytes(padded), init: alignedBytes(padded),
	}
	m.all = append(m.all, a)
	m.used += n
	return a, nil
}

// free releases an allocation; its number stays taken so that later uses are recognised.
func (m *memory) free(a *allocation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.freed {
		return
	}
	a.freed = true
	a.data, a.init = nil, nil
	m.used -= int64(a.size)
}

// find returns the allocation that an address belongs to, freed ones included, or nil.
func (m *memory) find(addr uint64) *allocation {
	id := addr >> idShift
	m.mu.Lock()
	defer m.mu.Unlock()
	if id < firstAlloc || id-firstAlloc >= uint64(len(m.all)) {
		return nil
	}
	return m.all[id-firstAlloc]
}

// bytes returns the memory and shadow of a host-visible range, or an error that names what is wrong with it.
func (m *memory) bytes(call string, addr uint64, n int64) (data, init []byte, err error) {
	a := m.find(addr)
	fail := func(code cuda.Code, detail string) ([]byte, []byte, error) {
		return nil, nil, &cuda.Error{Code: code, Call: call, Detail: detail}
	}
	switch {
	case n < 0:
		return fail(cuda.InvalidValue, fmt.Sprintf("%d bytes", n))
	case a == nil:
		return fail(cuda.InvalidValue, fmt.Sprintf("address %#x belongs to no allocation", addr))
	case a.freed:
		return fail(cuda.InvalidValue, fmt.Sprintf("address %#x belongs to %q, which was freed", addr, a.label))
	}
	off := addr - a.base
	if off > a.size || uint64(n) > a.size-off {
		return fail(cuda.InvalidValue, fmt.Sprintf("%d bytes at %#x: %s", n, addr, a.locate(addr, uint64(n))))
	}
	return a.data[off : off+uint64(n)], a.init[off : off+uint64(n)], nil
}

// locate says where an access of n bytes lies relative to the allocation.
func (a *allocation) locate(addr, n uint64) string {
	return placement(fmt.Sprintf("%s (%d bytes)", a.label, a.size), int64(addr-a.base), int64(n), int64(a.size))
}

// placement words the position of [off, off+n) relative to an object of the given size.
func placement(what string, off, n, size int64) string {
	switch {
	case off < 0:
		return fmt.Sprintf("%d bytes before %s", -off, what)
	case off >= size:
		return fmt.Sprintf("%d bytes past the end of %s", off-size, what)
	case off+n > size:
		return fmt.Sprintf("at byte %d of %s, running over its end", off, what)
	}
	return fmt.Sprintf("at byte %d of %s", off, what)
}

// fill sets every byte of s to v.
func fill(s []byte, v byte) {
	word := uint64(v) * 0x0101010101010101
	for len(s) >= 8 {
		*(*uint64)(unsafe.Pointer(&s[0])) = word
		s = s[8:]
	}
	for i := range s {
		s[i] = v
	}
}

// allDefined tells whether no byte of the shadow range is undefined or in flight.
func allDefined(s []byte) bool {
	for len(s) >= 8 {
		v := *(*uint64)(unsafe.Pointer(&s[0]))
		if v&0x0101010101010101 != 0x0101010101010101 {
			return false
		}
		s = s[8:]
	}
	for _, b := range s {
		if b&1 == 0 {
			return false
		}
	}
	return true
}
