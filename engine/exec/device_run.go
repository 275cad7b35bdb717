package exec

import (
	"fmt"
	"slices"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// deviceProgram is a program bound to a device.
type deviceProgram struct {
	m        *Device
	p        *graph.Program
	props    kernels.Props
	variants []*kernels.Variant
	plan     graph.Program // p with a temporary for each step's scratch memory
	scratch  []int         // by step: its buffer in plan, -1 if there is none
	layout   graph.Layout
	lives    uint32 // number of the first buffer's life

	persistent map[int]*deviceBuffer // by buffer
	staging    map[int]*staging      // by buffer: inputs and outputs
	arena      cuda.DevicePtr        // where the arena was when the steps were recorded
	generation int                   // of that arena
	steps      [][]gpu.Recorded
	graph      cuda.Graph
}

// staging is an input or output: device memory and its image in pinned memory.
type staging struct {
	memory cuda.Memory
	host   [2]cuda.HostMemory // inputs alternate, so that one can be filled while the other is copied
	copied [2]cuda.Event
	next   int
}

// Load implements Executor.
func (m *Device) Load(p *graph.Program) (LoadedProgram, error) {
	r := &deviceProgram{m: m, p: p, props: m.queue.Library.Props(), persistent: map[int]*deviceBuffer{},
		staging: map[int]*staging{}}
	r.plan = *p
	r.plan.Buffers = slices.Clone(p.Buffers)
	r.lives = m.lives.Add(uint32(len(p.Buffers)+len(p.Steps))) - uint32(len(p.Buffers)+len(p.Steps)) + 1
	for i, b := range p.Buffers {
		if b.Kind == graph.Persistent {
			var err error
			if r.persistent[i], err = m.persistent(b.Name, b.Spec); err != nil {
				return nil, err
			}
		}
	}
	if err := r.choose(); err != nil {
		return nil, err
	}
	r.layout = r.plan.Plan(func(b graph.Buffer) int64 { return bufferBytes(b.Spec) })
	if err := r.stage(); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("program %s: %w", p.Name, err)
	}
	return r, nil
}

func bufferBytes(s kernels.Spec) int64 { return int64(s.Span()) * int64(s.DType.Size()) }

// choose takes a variant for each step and adds its scratch memory to the plan. Kernels look at how addresses are aligned,
// which the offsets in the buffers decide: every buffer begins at a multiple of graph.ArenaAlign.
func (r *deviceProgram) choose() error {
	for i, s := range r.p.Steps {
		c := r.call(i, func(b int) cuda.DevicePtr { return cuda.DevicePtr(b+1) << 40 })
		v, err := kernels.Choose(c, r.props, r.m.selection)
		if err != nil {
			return fmt.Errorf("program %s, step %d: %w", r.p.Name, i, err)
		}
		r.variants = append(r.variants, v)
		r.scratch = append(r.scratch, -1)
		if n := int((v.Kernel.Workspace(c, r.props) + 3) / 4); n > 0 {
			r.scratch[i] = len(r.plan.Buffers)
			r.plan.Buffers = append(r.plan.Buffers, graph.Buffer{Kind: graph.Temporary, Name: fmt.Sprintf("scratch of %s", s.Op.Name()), First: i, Last: i,
				Spec: kernels.Spec{DType: kernels.F32, N: 1, H: 1, W: 1, C: n, Pitch: n}})
		}
	}
	return nil
}

// call binds step i to the addresses of buffers.
func (r *deviceProgram) call(i int, address func(buffer int) cuda.DevicePtr) *kernels.Call {
	operand := func(f graph.Ref) *kernels.Operand {
		if f.Buffer < 0 {
			return nil
		}
		b := r.plan.Buffers[f.Buffer]
		base := uint64(address(f.Buffer))
		o := &kernels.Operand{Spec: f.Spec, Name: b.Name, Accumulate: f.Accumulate, Addr: base + uint64(f.Offset*f.Spec.DType.Size())}
		if b.Kind == graph.Temporary {
			o.Life = kernels.Life{Temporary: r.lives + uint32(f.Buffer), First: i == b.First, Last: i == b.Last, Addr: base, Bytes: bufferBytes(b.Spec)}
		}
		return o
	}
	s := r.p.Steps[i]
	c := &kernels.Call{Op: s.Op}
	for _, f := range s.In {
		c.In = append(c.In, operand(f))
	}
	for _, f := range s.Out {
		c.Out = append(c.Out, operand(f))
	}
	if len(r.scratch) > i && r.scratch[i] >= 0 {
		b := r.scratch[i]
		c.Scratch = operand(graph.Ref{Buffer: b, Spec: r.plan.Buffers[b].Spec})
	}
	return c
}

// stage allocates inputs and outputs.
func (r *deviceProgram) stage() error {
	for i, b := range r.p.Buffers {
		if b.Kind != graph.Input && b.Kind != graph.Output {
			continue
		}
		n := bufferBytes(b.Spec)
		s := &staging{}
		r.staging[i] = s
		var err error
		if s.memory, err = r.m.dev.Alloc(n, b.Name); err != nil {
			return err
		}
		if err := r.m.dev.Memset(s.memory.Ptr(), 0, n); err != nil {
			return err
		}
		for k := range s.host {
			if k > 0 && b.Kind == graph.Output {
				break
			}
			if s.host[k], err = r.m.dev.AllocHost(n); err != nil {
				return err
			}
			if s.copied[k], err = r.m.dev.NewEvent(); err != nil {
				return err
			}
		}
	}
	return nil
}

// record makes the launches of all steps for where the arena is now. The caller holds the executor's mu.
func (r *deviceProgram) record() error {
	if err := r.m.reserve(max(r.layout.Size, graph.ArenaAlign)); err != nil {
		return fmt.Errorf("program %s: %w", r.p.Name, err)
	}
	if r.steps != nil && r.generation == r.m.generation {
		return nil
	}
	if err := r.dropGraph(); err != nil {
		return err
	}
	r.arena = r.m.arena.Ptr()
	r.steps = make([][]gpu.Recorded, len(r.p.Steps))
	for i, s := range r.p.Steps {
		list, err := r.m.queue.Record(r.variants[i].Kernel, r.call(i, r.address), fmt.Sprintf("%s step %d (%s)", r.p.Name, i, s.Phase))
		if err != nil {
			return r.explain(i, err)
		}
		r.steps[i] = list
	}
	r.generation = r.m.generation
	return nil
}

// address is where a buffer of the plan lies.
func (r *deviceProgram) address(b int) cuda.DevicePtr {
	switch r.plan.Buffers[b].Kind {
	case graph.Persistent:
		return r.persistent[b].memory.Ptr()
	case graph.Temporary:
		return r.arena + cuda.DevicePtr(r.layout.Offset[b])
	}
	return r.staging[b].memory.Ptr()
}

func (r *deviceProgram) explain(step int, err error) error {
	return fmt.Errorf("program %s, step %d, operator %s: %w", r.p.Name, step, r.p.Steps[step].Op.Name(), err)
}

// capture puts all launches into a graph.
func (r *deviceProgram) capture() error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if err := r.record(); err != nil {
		return err
	}
	if r.graph != nil {
		return nil
	}
	if err := r.m.queue.Stream.BeginCapture(); err != nil {
		return err
	}
	for i := range r.steps {
		if err := r.launch(i); err != nil {
			_, _ = r.m.queue.Stream.EndCapture() // the first error is the one to tell
			return err
		}
	}
	var err error
	r.graph, err = r.m.queue.Stream.EndCapture()
	return err
}

func (r *deviceProgram) launch(step int) error {
	for _, l := range r.steps[step] {
		if err := r.m.queue.Stream.Launch(l.Function, l.Launch); err != nil {
			return r.explain(step, err)
		}
	}
	return nil
}

// Run implements LoadedProgram. It queues the step's scalars and one replay and returns; Get, Read or Synchronize wait.
func (r *deviceProgram) Run(s *kernels.StepState) error {
	if err := r.capture(); err != nil {
		return err
	}
	if err := r.m.putState(s); err != nil {
		return err
	}
	return r.m.queue.Stream.LaunchGraph(r.graph)
}

// FirstNonFinite implements LoadedProgram.
func (r *deviceProgram) FirstNonFinite(s *kernels.StepState) (string, error) {
	r.m.mu.Lock()
	err := r.record()
	r.m.mu.Unlock()
	if err != nil {
		return "", err
	}
	if err := r.m.putState(s); err != nil {
		return "", err
	}
	for i, step := range r.p.Steps {
		if err := r.launch(i); err != nil {
			return "", err
		}
		if err := r.m.Synchronize(); err != nil {
			return "", r.explain(i, err)
		}
		for k, f := range step.Out {
			bad, err := r.nonFinite(i, f)
			if err != nil {
				return "", err
			}
			if bad {
				return fmt.Sprintf("output %d of step %d, operator %s (%s), %s %s", k, i, step.Op.Name(), step.Phase,
					r.p.Buffers[f.Buffer].Name, f.Spec), nil
			}
		}
	}
	return "", nil
}

// nonFinite reports whether a tensor that step i has written holds NaN or Inf. What a temporary holds after its last use is
// undefined: nobody reads it.
func (r *deviceProgram) nonFinite(i int, f graph.Ref) (bool, error) {
	if f.Buffer < 0 || f.Spec.DType == kernels.I32 || r.p.Buffers[f.Buffer].Kind == graph.Temporary && r.p.Buffers[f.Buffer].Last == i {
		return false, nil
	}
	size := f.Spec.DType.Size()
	raw := make([]byte, f.Spec.Span()*size)
	if err := r.m.dev.CopyToHost(raw[:f.Spec.Extent()*size], r.address(f.Buffer)+cuda.DevicePtr(f.Offset*size)); err != nil {
		return false, err
	}
	values := make([]float32, f.Spec.Elements())
	unpackRows(values, f.Spec, raw)
	return slices.ContainsFunc(values, func(x float32) bool { return x-x != 0 }), nil
}

// named finds an input or output and checks the length of the caller's data.
func (r *deviceProgram) named(kind graph.Kind, name string, ints bool, n int) (*staging, kernels.Spec, error) {
	i := r.p.Find(kind, name)
	if i < 0 {
		return nil, kernels.Spec{}, fmt.Errorf("program %s has no %s %q", r.p.Name, kind, name)
	}
	s := r.p.Buffers[i].Spec
	if kind == graph.Input && ints != (s.DType == kernels.I32) {
		return nil, s, fmt.Errorf("program %s, %s %q is %s: integers are given: %v", r.p.Name, kind, name, s, ints)
	}
	if s.Elements() != n {
		return nil, s, fmt.Errorf("program %s, %s %q: %d elements given, %s has %d", r.p.Name, kind, name, n, s, s.Elements())
	}
	return r.staging[i], s, nil
}

// Set implements LoadedProgram.
func (r *deviceProgram) Set(name string, data []float32) error {
	st, s, err := r.named(graph.Input, name, false, len(data))
	if err != nil {
		return err
	}
	return r.put(st, s, data, nil)
}

// SetInts implements LoadedProgram.
func (r *deviceProgram) SetInts(name string, data []int32) error {
	st, s, err := r.named(graph.Input, name, true, len(data))
	if err != nil {
		return err
	}
	return r.put(st, s, nil, data)
}

// InputView implements LoadedProgram: the pinned image that is copied next, once its last copy has ended.
func (r *deviceProgram) InputView(name string) ([]float32, error) {
	i := r.p.Find(graph.Input, name)
	if i < 0 {
		return nil, fmt.Errorf("program %s has no %s %q", r.p.Name, graph.Input, name)
	}
	if r.p.Buffers[i].Spec.DType != kernels.F32 {
		return nil, nil
	}
	st := r.staging[i]
	k := st.next % len(st.host)
	if err := st.copied[k].Synchronize(); err != nil {
		return nil, err
	}
	return floatsOf(st.host[k].Bytes()), nil
}

// Commit implements LoadedProgram.
func (r *deviceProgram) Commit(name string) error {
	i := r.p.Find(graph.Input, name)
	if i < 0 {
		return fmt.Errorf("program %s has no %s %q", r.p.Name, graph.Input, name)
	}
	return r.copyNext(r.staging[i])
}

// put fills a pinned image and queues its copy.
func (r *deviceProgram) put(st *staging, s kernels.Spec, floats []float32, ints []int32) error {
	k := st.next % len(st.host)
	if err := st.copied[k].Synchronize(); err != nil {
		return err
	}
	packRows(st.host[k].Bytes(), s, floats, ints)
	return r.copyNext(st)
}

// copyNext queues the copy of the next pinned image.
func (r *deviceProgram) copyNext(st *staging) error {
	k := st.next % len(st.host)
	st.next++
	if err := r.m.queue.Stream.CopyToDevice(st.memory.Ptr(), st.host[k].Bytes()); err != nil {
		return err
	}
	return r.m.queue.Stream.Record(st.copied[k])
}

// Get implements LoadedProgram.
func (r *deviceProgram) Get(name string, dst []float32) error {
	st, s, err := r.named(graph.Output, name, false, len(dst))
	if err != nil {
		return err
	}
	if err := r.m.queue.Stream.CopyToHost(st.host[0].Bytes(), st.memory.Ptr()); err != nil {
		return err
	}
	if err := r.m.Synchronize(); err != nil {
		return err
	}
	unpackRows(dst, s, st.host[0].Bytes())
	return nil
}

// Program implements LoadedProgram.
func (r *deviceProgram) Program() *graph.Program { return r.p }

// Memory implements LoadedProgram.
func (r *deviceProgram) Memory() int64 {
	n := r.layout.Size
	for _, s := range r.staging {
		n += s.memory.Size()
	}
	return n
}

func (r *deviceProgram) dropGraph() error {
	if r.graph == nil {
		return nil
	}
	if err := r.m.Synchronize(); err != nil {
		return err
	}
	err := r.graph.Close()
	r.graph = nil
	return err
}

// Close implements LoadedProgram.
func (r *deviceProgram) Close() error {
	err := r.m.Synchronize() // copies may be on their way
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	keep(r.dropGraph())
	for _, s := range r.staging {
		if s.memory != nil {
			keep(s.memory.Close())
		}
		for k := range s.host {
			if s.host[k] != nil {
				keep(s.host[k].Close())
			}
			if s.copied[k] != nil {
				keep(s.copied[k].Close())
			}
		}
	}
	r.staging = nil
	return err
}
