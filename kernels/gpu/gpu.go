// Package gpu runs operators on a device: it loads the project's PTX, queues launches, and holds what the CUDA launchers
// (the *_cuda.go files) share.
package gpu

import (
	"fmt"
	"sync"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/ptx"
)

// Library is the project's kernels on one device. Modules are compiled when a kernel of theirs is first used.
type Library struct {
	Device cuda.Device

	mu      sync.Mutex
	modules map[string]cuda.Module
	kernels map[string]cuda.Function
	source  func(module string) ([]byte, error)
}

// NewLibrary returns the kernels that ship with the binary.
func NewLibrary(d cuda.Device) *Library { return NewLibraryFrom(d, ptx.Source) }

// NewLibraryFrom returns a library whose PTX comes from another place; tests that break kernels use it.
func NewLibraryFrom(d cuda.Device, source func(module string) ([]byte, error)) *Library {
	return &Library{Device: d, modules: map[string]cuda.Module{}, kernels: map[string]cuda.Function{}, source: source}
}

// Props describes the device to kernels.
func (l *Library) Props() kernels.Props {
	p := l.Device.Props()
	return kernels.Props{Backend: "cuda", Major: p.Major, Minor: p.Minor, SMs: p.SMs, Shared: p.SharedOptIn}
}

// Function returns a kernel of a module, the stem of its .cu file.
func (l *Library) Function(module, kernel string) (cuda.Function, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := module + "/" + kernel
	if f, ok := l.kernels[key]; ok {
		return f, nil
	}
	m, ok := l.modules[module]
	if !ok {
		text, err := l.source(module)
		if err != nil {
			return nil, err
		}
		if m, err = l.Device.LoadModule(module+".ptx", text); err != nil {
			return nil, err
		}
		l.modules[module] = m
	}
	f, err := m.Function(kernel)
	if err != nil {
		return nil, err
	}
	l.kernels[key] = f
	return f, nil
}

// Queue is a stream that operators are queued on. Launches of one call are collected and go to the stream together, so that
// the lives of temporaries begin at the first of them and end at the last.
type Queue struct {
	Library *Library
	Stream  cuda.Stream
	State   cuda.DevicePtr // the StepState that kernels read

	pending []Recorded
}

// Recorded is a launch that is ready to be queued, any number of times.
type Recorded struct {
	Function cuda.Function
	Launch   cuda.Launch
}

// Backend implements kernels.Queue.
func (q *Queue) Backend() string { return "cuda" }

// Of returns the device queue that a CUDA kernel was given.
func Of(q kernels.Queue) *Queue { return q.(*Queue) }

// Run queues a call with a kernel. The label names it in reports.
func (q *Queue) Run(k kernels.Kernel, c *kernels.Call, label string) error {
	list, err := q.Record(k, c, label)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := q.Stream.Launch(r.Function, r.Launch); err != nil {
			return err
		}
	}
	return nil
}

// Record returns the launches of a call without queueing them.
func (q *Queue) Record(k kernels.Kernel, c *kernels.Call, label string) ([]Recorded, error) {
	q.pending = nil
	if err := k.Run(q, c); err != nil {
		return nil, err
	}
	if len(q.pending) == 0 {
		return nil, fmt.Errorf("operator %s: the kernel launched nothing", c.Op.Name())
	}
	q.declareUnused(c)
	q.settleLives()
	for i := range q.pending {
		q.pending[i].Launch.Label = label
	}
	return q.pending, nil
}

// declareUnused gives the last launch the temporaries of the call that no launch declares, so that their lives begin and end.
func (q *Queue) declareUnused(c *kernels.Call) {
	declared := map[uint32]bool{0: true}
	for _, r := range q.pending {
		for _, o := range r.Launch.Operands {
			declared[o.Life.Temporary] = true
		}
	}
	last := &q.pending[len(q.pending)-1].Launch
	for _, list := range [3][]*kernels.Operand{c.In, c.Out, {c.Scratch}} {
		for _, o := range list {
			if o != nil && !declared[o.Life.Temporary] {
				last.Operands = append(last.Operands, Use(o, cuda.ReadWrite))
				declared[o.Life.Temporary] = true
			}
		}
	}
}

// settleLives lets each temporary of the call begin in its first launch and end in its last one.
func (q *Queue) settleLives() {
	first, last := map[uint32]int{}, map[uint32]int{}
	for i := range q.pending {
		for _, o := range q.pending[i].Launch.Operands {
			if _, ok := first[o.Life.Temporary]; !ok {
				first[o.Life.Temporary] = i
			}
			last[o.Life.Temporary] = i
		}
	}
	for i := range q.pending {
		ops := q.pending[i].Launch.Operands
		for k := range ops {
			l := &ops[k].Life
			l.Begins = l.Begins && first[l.Temporary] == i
			l.Ends = l.Ends && last[l.Temporary] == i
		}
	}
}

// Launch is one launch of a kernel.
type Launch struct {
	Module, Kernel string // the stem of the .cu file, the extern "C" name
	Grid, Block    cuda.Dim3
	Shared         int // bytes of dynamic shared memory
	Args           []any
	Operands       []cuda.Operand // all memory that the kernel touches; the StepState is added by the queue
}

// Launch adds a launch to the call that is being run.
func (q *Queue) Launch(l Launch) error {
	f, err := q.Library.Function(l.Module, l.Kernel)
	if err != nil {
		return err
	}
	if l.Shared > 0 {
		if a := f.Attributes(); a.StaticShared+l.Shared > q.Library.Device.Props().SharedPerBlock && a.MaxDynamicShared < l.Shared {
			if err := f.SetMaxDynamicShared(l.Shared); err != nil {
				return err
			}
		}
	}
	ops := append([]cuda.Operand{cuda.Range("state", q.State, StateBytes, cuda.Read)}, l.Operands...)
	q.pending = append(q.pending, Recorded{f, cuda.Launch{Grid: l.Grid, Block: l.Block, DynamicShared: l.Shared, Args: l.Args, Operands: ops}})
	return nil
}
