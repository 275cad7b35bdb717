package kernels

import (
	"fmt"
	"sort"
)

// StepState is every scalar that changes from step to step. The host computes it in float64 and hands it to each run of a
// program; a device copy is made from a pinned slot just before the launch.
type StepState struct {
	Seed       uint64
	Step       uint32 // optimizer step, the Philox counter's step word in training
	Micro      uint32 // micro-batch inside the step
	SampleBase uint32 // index of the batch's first sample in the global batch, or in the run when sampling
	ChainIndex uint32 // position in the sampler's tables, 0 is the first step taken (the noisiest)

	LearningRate float64
	WeightDecay  float64
	Beta1, Beta2 float64
	Epsilon      float64
	Correction1  float64 // 1 - beta1^step
	Correction2  float64 // 1 - beta2^step
	EMADecay     float64
	ClipNorm     float64 // 0: no clipping
	LossScale    float64 // 1 / number of micro-batches
	Guidance     float64
}

// Call is an operator applied to memory. Absent operands are nil.
type Call struct {
	Op        Operator
	In, Out   []*Operand
	State     *StepState
	Workspace []float32 // host scratch of the size that the kernel asked for
	Scratch   *Operand  // device scratch of that size, 256-byte aligned; nil where the kernel asked for none
}

// Props is what a kernel may ask of the place it runs on.
type Props struct {
	Backend string // "reference", "cpu", "cuda"
	Workers int    // CPU: worker threads
	Major   int    // CUDA: compute capability
	Minor   int
	SMs     int
	Shared  int // CUDA: bytes of shared memory a block may have
}

// Queue is where a kernel runs: cpu.Queue or a device stream.
type Queue interface{ Backend() string }

// Kernel runs an operator on one backend.
type Kernel interface {
	// Supports says why a call cannot be run, nil if it can.
	Supports(c *Call, p Props) error
	// Workspace is the scratch memory in bytes that Run needs.
	Workspace(c *Call, p Props) int64
	Run(q Queue, c *Call) error
}

// Variant is an implementation of an operator on a backend.
type Variant struct {
	Backend string // "reference", "cpu" or "cuda"
	Number  int    // from 1; the first variant that supports a call is the default
	Name    string // stable: tuning tables keep it; unique within operator and backend, for example "mma_128x128"
	Doc     string // one line: what it is made for
	Kernel  Kernel
}

// Family is an operator with its kernels.
type Family struct {
	Op       Operator // the descriptor; its attributes are not used
	Variants []Variant
}

var registry = map[string]*Family{}

// Register adds an operator with its kernels; called from init functions of the families.
func Register(op Operator, variants ...Variant) {
	if _, ok := registry[op.Name()]; ok {
		panic("kernels: operator " + op.Name() + " registered twice")
	}
	registry[op.Name()] = &Family{Op: op, Variants: variants}
}

// Lookup returns the family of an operator, nil if there is none.
func Lookup(name string) *Family { return registry[name] }

// Families lists all operators by name.
func Families() []*Family {
	out := make([]*Family, 0, len(registry))
	for _, f := range registry {
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Op.Name() < out[j].Op.Name() })
	return out
}

// Choose returns the variant that the selection's tuning names, else the first one of a backend that supports the call and is not
// excluded.
func Choose(c *Call, p Props, s Selection) (*Variant, error) {
	f := registry[c.Op.Name()]
	if f == nil {
		return nil, fmt.Errorf("operator %s is not registered", c.Op.Name())
	}
	if v := s.tuned(f, c, p); v != nil {
		return v, nil
	}
	var why error
	for i := range f.Variants {
		v := &f.Variants[i]
		if v.Backend != p.Backend || s.Excluded(v) {
			continue
		}
		if err := v.Kernel.Supports(c, p); err != nil {
			why = err
			continue
		}
		return v, nil
	}
	if why == nil {
		why = fmt.Errorf("no kernel for backend %s", p.Backend)
	}
	return nil, fmt.Errorf("operator %s: %w", c.Op.Name(), why)
}

// funcKernel is a kernel made of functions.
type funcKernel struct {
	supports  func(c *Call) error
	workspace func(c *Call, p Props) int64
	run       func(q Queue, c *Call) error
}

func (k funcKernel) Supports(c *Call, _ Props) error {
	if k.supports == nil {
		return nil
	}
	return k.supports(c)
}

func (k funcKernel) Workspace(c *Call, p Props) int64 {
	if k.workspace == nil {
		return 0
	}
	return k.workspace(c, p)
}

func (k funcKernel) Run(q Queue, c *Call) error { return k.run(q, c) }

// Reference makes the reference variant of an operator from its two instantiations. It runs in float64 where the operands
// hold float64, else in float32 with float64 sums.
func Reference(f32, f64 func(c *Call)) Variant {
	return Variant{Backend: "reference", Number: 1, Name: "reference", Doc: "the specification", Kernel: funcKernel{
		run: func(_ Queue, c *Call) error {
			if isFloat64(c) {
				f64(c)
			} else {
				f32(c)
			}
			return nil
		}}}
}

func isFloat64(c *Call) bool {
	for _, ops := range [2][]*Operand{c.Out, c.In} {
		for _, o := range ops {
			if o != nil && o.F64 != nil {
				return true
			}
		}
	}
	return false
}

// Func makes a variant from functions; supports and workspace may be nil.
func Func(backend string, number int, name, doc string, supports func(c *Call) error, workspace func(c *Call, p Props) int64,
	run func(q Queue, c *Call) error) Variant {
	return Variant{Backend: backend, Number: number, Name: name, Doc: doc, Kernel: funcKernel{supports, workspace, run}}
}
