package exec

import (
	"fmt"
	"math"
	"sync"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
)

// CPUOptions chooses how programs run on the CPU.
type CPUOptions struct {
	Workers   int  // 0: one per processor
	Reference bool // run the reference kernels
	Double    bool // keep float tensors in float64; implies Reference
	Poison    bool // fill each temporary with NaN after its last use, to show reads of dead memory
	Selection kernels.Selection
}

// CPU is the executor that every computer has.
type CPU struct {
	opt     CPUOptions
	queue   *cpu.Queue
	mu      sync.Mutex
	buffers map[string]*kernels.Operand
}

// NewCPU returns a CPU executor.
func NewCPU(opt CPUOptions) *CPU {
	opt.Reference = opt.Reference || opt.Double
	return &CPU{opt: opt, queue: cpu.NewQueue(opt.Workers), buffers: map[string]*kernels.Operand{}}
}

// Name implements Executor.
func (m *CPU) Name() string { return fmt.Sprintf("cpu (%d threads)", m.queue.Workers()) }

// Close implements Executor.
func (m *CPU) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffers = map[string]*kernels.Operand{}
	return nil
}

// allocate makes host memory for a spec.
func (m *CPU) allocate(name string, s kernels.Spec) *kernels.Operand {
	o := &kernels.Operand{Spec: s, Name: name}
	switch {
	case s.DType == kernels.I32:
		o.I32 = make([]int32, s.Span())
	case m.opt.Double:
		o.F64 = make([]float64, s.Span())
	default:
		o.F32 = make([]float32, s.Span())
	}
	return o
}

// Persistent implements Executor.
func (m *CPU) Persistent(name string, s kernels.Spec) error {
	_, err := m.persistent(name, s)
	return err
}

// persistent finds or makes a persistent buffer.
func (m *CPU) persistent(name string, s kernels.Spec) (*kernels.Operand, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o, ok := m.buffers[name]; ok {
		if o.Spec != s {
			return nil, fmt.Errorf("persistent buffer %q is %s, not %s", name, o.Spec, s)
		}
		return o, nil
	}
	o := m.allocate(name, s)
	m.buffers[name] = o
	return o, nil
}

// buffer finds a persistent buffer of the given type that holds elements offset..offset+n.
func (m *CPU) buffer(name string, ints bool, offset, n int) (*kernels.Operand, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.buffers[name]
	if !ok {
		return nil, fmt.Errorf("there is no persistent buffer %q", name)
	}
	if ints != (o.DType == kernels.I32) {
		return nil, fmt.Errorf("persistent buffer %q is %s: integers are asked for: %v", name, o.Spec, ints)
	}
	if offset < 0 || offset+n > o.Span() {
		return nil, fmt.Errorf("elements %d..%d are outside persistent buffer %q of %d", offset, offset+n, name, o.Span())
	}
	return o, nil
}

// Write implements Executor.
func (m *CPU) Write(name string, offset int, data []float32) error {
	o, err := m.buffer(name, false, offset, len(data))
	if err != nil {
		return err
	}
	for i, x := range data {
		if o.DType == kernels.BF16 {
			x = kernels.RoundBF16(x)
		}
		if o.F64 != nil {
			o.F64[offset+i] = float64(x)
		} else {
			o.F32[offset+i] = x
		}
	}
	return nil
}

// Read implements Executor.
func (m *CPU) Read(name string, offset int, dst []float32) error {
	o, err := m.buffer(name, false, offset, len(dst))
	if err != nil {
		return err
	}
	for i := range dst {
		if o.F64 != nil {
			dst[i] = float32(o.F64[offset+i])
		} else {
			dst[i] = o.F32[offset+i]
		}
	}
	return nil
}

// Floats returns a persistent buffer's float64 memory; only of a Double executor.
func (m *CPU) Floats(name string) []float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.buffers[name]; o != nil {
		return o.F64
	}
	return nil
}

// WriteInts implements Executor.
func (m *CPU) WriteInts(name string, offset int, data []int32) error {
	o, err := m.buffer(name, true, offset, len(data))
	if err != nil {
		return err
	}
	copy(o.I32[offset:], data)
	return nil
}

// ReadInts implements Executor.
func (m *CPU) ReadInts(name string, offset int, dst []int32) error {
	o, err := m.buffer(name, true, offset, len(dst))
	if err != nil {
		return err
	}
	copy(dst, o.I32[offset:])
	return nil
}

// cpuProgram is a program bound to host memory.
type cpuProgram struct {
	m       *CPU
	p       *graph.Program
	buffers []*kernels.Operand
	calls   []kernels.Call
	rounded [][]*kernels.Operand // by step: outputs to be rounded to bf16 after a float32 kernel
	kernels []kernels.Kernel
	dies    [][]int // temporaries whose last use is the step
	bytes   int64
}

// Load implements Executor.
func (m *CPU) Load(p *graph.Program) (LoadedProgram, error) {
	r := &cpuProgram{m: m, p: p, buffers: make([]*kernels.Operand, len(p.Buffers)), dies: make([][]int, len(p.Steps))}
	elem := int64(4)
	if m.opt.Double {
		elem = 8
	}
	layout := p.Plan(func(b graph.Buffer) int64 {
		if b.Spec.DType == kernels.I32 {
			return 0
		}
		return int64(b.Elements()) * elem
	})
	arena := m.allocate("arena", kernels.Spec{N: 1, H: 1, W: 1, C: int(layout.Size / elem), Pitch: int(layout.Size / elem)})
	r.bytes = layout.Size
	for i, b := range p.Buffers {
		switch {
		case b.Kind == graph.Persistent:
			var err error
			if r.buffers[i], err = m.persistent(b.Name, b.Spec); err != nil {
				return nil, err
			}
		case layout.Offset[i] >= 0:
			at := int(layout.Offset[i] / elem)
			r.buffers[i] = slice1(arena, at, at+b.Elements())
			r.buffers[i].Spec, r.buffers[i].Name = b.Spec, b.Name
			r.dies[b.Last] = append(r.dies[b.Last], i)
		default:
			r.buffers[i] = m.allocate(b.Name, b.Spec)
		}
	}
	return r, r.bind()
}

// slice1 is part of an operand's memory.
func slice1(o *kernels.Operand, lo, hi int) *kernels.Operand {
	s := &kernels.Operand{Name: o.Name}
	switch {
	case o.I32 != nil:
		s.I32 = o.I32[lo:hi:hi]
	case o.F64 != nil:
		s.F64 = o.F64[lo:hi:hi]
	default:
		s.F32 = o.F32[lo:hi:hi]
	}
	return s
}

// bind makes the calls and chooses their kernels.
func (r *cpuProgram) bind() error {
	props := kernels.Props{Backend: "cpu", Workers: r.m.queue.Workers()}
	if r.m.opt.Reference {
		props.Backend = "reference"
	}
	var scratch int64
	need := make([]int64, len(r.p.Steps))
	for i, s := range r.p.Steps {
		c := kernels.Call{Op: s.Op}
		for _, in := range s.In {
			c.In = append(c.In, r.operand(in))
		}
		for _, out := range s.Out {
			c.Out = append(c.Out, r.operand(out))
		}
		r.rounded = append(r.rounded, nil)
		if !r.m.opt.Reference {
			r.rounded[i] = inFloat32(&c)
		}
		v, err := kernels.Choose(&c, props, r.m.opt.Selection)
		if err != nil {
			return fmt.Errorf("program %s, step %d: %w", r.p.Name, i, err)
		}
		need[i] = v.Kernel.Workspace(&c, props)
		scratch = max(scratch, need[i])
		r.calls = append(r.calls, c)
		r.kernels = append(r.kernels, v.Kernel)
	}
	workspace := make([]float32, (scratch+3)/4)
	r.bytes += scratch
	for i := range r.calls {
		r.calls[i].Workspace = workspace[:(need[i]+3)/4]
	}
	return nil
}

// inFloat32 lets the fast kernels, which know float32 only, work on bf16 operands, whose values are float32 numbers on the CPU, and
// returns the outputs that have to be rounded afterwards.
func inFloat32(c *kernels.Call) []*kernels.Operand {
	var outs []*kernels.Operand
	for _, o := range c.Out {
		if o != nil && o.DType == kernels.BF16 {
			outs = append(outs, o)
		}
	}
	for _, list := range [2][]*kernels.Operand{c.In, c.Out} {
		for _, o := range list {
			if o != nil && o.DType == kernels.BF16 {
				o.DType = kernels.F32
			}
		}
	}
	return outs
}

func roundRows(o *kernels.Operand) {
	for row := range o.Rows() {
		x := o.F32[row*o.Pitch : row*o.Pitch+o.C]
		for i, v := range x {
			x[i] = kernels.RoundBF16(v)
		}
	}
}

func (r *cpuProgram) operand(f graph.Ref) *kernels.Operand {
	if f.Buffer < 0 {
		return nil
	}
	b := r.buffers[f.Buffer]
	end := f.Offset + f.Spec.Span()
	end = min(end, r.p.Buffers[f.Buffer].Elements())
	o := slice1(b, f.Offset, end)
	o.Spec, o.Name, o.Accumulate = f.Spec, b.Name, f.Accumulate
	return o
}

// Run implements LoadedProgram.
func (r *cpuProgram) Run(s *kernels.StepState) error {
	for i := range r.calls {
		if err := r.step(i, s); err != nil {
			return err
		}
	}
	return nil
}

// step runs a call; a kernel that panics ends as an error that names it.
func (r *cpuProgram) step(i int, s *kernels.StepState) (err error) {
	c := &r.calls[i]
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("program %s, step %d, operator %s: internal error: %v", r.p.Name, i, c.Op.Name(), p)
		}
	}()
	c.State = s
	if err := r.kernels[i].Run(r.m.queue, c); err != nil {
		return fmt.Errorf("program %s, step %d, operator %s: %w", r.p.Name, i, c.Op.Name(), err)
	}
	for _, o := range r.rounded[i] {
		roundRows(o)
	}
	if r.m.opt.Poison {
		for _, b := range r.dies[i] {
			poison(r.buffers[b])
		}
	}
	return nil
}

func poison(o *kernels.Operand) {
	for i := range o.F32 {
		o.F32[i] = float32(math.NaN())
	}
	for i := range o.F64 {
		o.F64[i] = math.NaN()
	}
}

// FirstNonFinite implements LoadedProgram.
func (r *cpuProgram) FirstNonFinite(s *kernels.StepState) (string, error) {
	for i := range r.calls {
		if err := r.step(i, s); err != nil {
			return "", err
		}
		for k, o := range r.calls[i].Out {
			if o != nil && !finite(o) {
				return fmt.Sprintf("output %d of step %d, operator %s (%s), %s %s", k, i, r.calls[i].Op.Name(), r.p.Steps[i].Phase,
					o.Name, o.Spec), nil
			}
		}
	}
	return "", nil
}

func finite(o *kernels.Operand) bool {
	for row := range o.Rows() {
		for c := range o.C {
			var x float64
			switch {
			case o.F32 != nil:
				x = float64(o.F32[row*o.Pitch+c])
			case o.F64 != nil:
				x = o.F64[row*o.Pitch+c]
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return false
			}
		}
	}
	return true
}

// Program implements LoadedProgram.
func (r *cpuProgram) Program() *graph.Program { return r.p }

// Memory implements LoadedProgram.
func (r *cpuProgram) Memory() int64 { return r.bytes }

// Close implements LoadedProgram.
func (r *cpuProgram) Close() error { return nil }
