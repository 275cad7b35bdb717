package nn

import (
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Network is a function of noisy samples, their times and what conditions them; what its output means
// (noise, sample, velocity) is the scheduler's business.
type Network interface {
	Config() Config
	// Signature says what the network is called with.
	Signature() Signature
	// Forward emits the network. It returns the output (N,H,W,Cout).
	Forward(c *Context, in Inputs) kernels.Value
}

// Inputs are the values that a network is called with.
type Inputs struct {
	X kernels.Value // noisy samples (N,H,W,Cin) F32
	// T holds each sample's time, (N,1,1,1): F32, or I32 where all are whole timesteps. The sinusoidal
	// embedding takes both and gives equal bits; what needs numbers asks Context.Float.
	T          kernels.Value
	Conditions map[string]kernels.Value // by the condition's name; of the spec that it says
}

// Signature says what a network is called with. The zero value is that of a network of images of any
// size with timesteps alone.
type Signature struct {
	Layout Layout
	H, W   int // height and width of samples that the configuration names; 0: it names none
	// CheckSize reports why samples of h x w pixels cannot be used; nil: all can.
	CheckSize func(h, w int) error
	// NoiseLevels says why times are positive noise levels instead of timesteps from 0 on; "": they are timesteps.
	NoiseLevels string
	Conditions  []Condition
}

// Layout is the form of users' arrays of samples.
type Layout uint8

// The layouts.
const (
	Images Layout = iota // (N,C,H,W)
	Points               // (N,D): H = W = 1
)

// Fits reports why samples of h x w pixels cannot be used.
func (s Signature) Fits(h, w int) error {
	switch {
	case s.Layout == Points && (h != 1 || w != 1):
		return fmt.Errorf("the network takes points, not images of %dx%d", h, w)
	case s.CheckSize != nil:
		return s.CheckSize(h, w)
	}
	return nil
}

// Timesteps reports why the network cannot be used with timesteps 0..T-1.
func (s Signature) Timesteps() error {
	if s.NoiseLevels == "" {
		return nil
	}
	return errors.New(s.NoiseLevels +
		": such a network works with positive noise levels (unnoise predict), not with timesteps from 0 on")
}

// Labels returns the condition named "labels", the zero Condition if there is none.
func (s Signature) Labels() Condition {
	for _, c := range s.Conditions {
		if c.Name == LabelsInput {
			return c
		}
	}
	return Condition{}
}

// LabelsInput is the name of the condition that data sets have labels for.
const LabelsInput = "labels"

// ConditionKind is the form of a condition.
type ConditionKind uint8

// The kinds of conditions.
const (
	NoCondition ConditionKind = iota
	ClassCondition
	VectorCondition
	SequenceCondition
)

// Condition is a named input beside samples and times.
type Condition struct {
	Name    string // of the programs' input
	Kind    ConditionKind
	Classes int // ClassCondition: numbers below it, the null label counted; 0: no limit
	Null    int // ClassCondition: the class number that stands for no label, the last one; 0: the network has none
	Length  int // SequenceCondition: number of vectors
	Dim     int // VectorCondition, SequenceCondition: elements of a vector
}

// Named returns the number of classes that a sample can have, the null label not counted; 0: no limit.
func (c Condition) Named() int {
	if c.Null > 0 {
		return c.Null
	}
	return c.Classes
}

// Spec returns the tensor of a batch: class numbers (n,1,1,1) I32, vectors (n,1,1,Dim) or sequences
// (n,1,Length,Dim) F32.
func (c Condition) Spec(n int) kernels.Spec {
	switch c.Kind {
	case VectorCondition:
		return kernels.Dense(kernels.F32, n, 1, 1, c.Dim)
	case SequenceCondition:
		return kernels.Dense(kernels.F32, n, 1, c.Length, c.Dim)
	}
	return kernels.Dense(kernels.I32, n, 1, 1, 1)
}

// String names the condition and its form.
func (c Condition) String() string {
	switch c.Kind {
	case VectorCondition:
		return fmt.Sprintf("%q, vectors of %d elements", c.Name, c.Dim)
	case SequenceCondition:
		return fmt.Sprintf("%q, sequences of %d vectors of %d elements", c.Name, c.Length, c.Dim)
	}
	return fmt.Sprintf("%q, class numbers", c.Name)
}

// Float returns times or numbers as float32.
func (c *Context) Float(v kernels.Value) kernels.Value {
	if v.Spec.DType == kernels.F32 {
		return v
	}
	return kernels.Emit1(c.G, elementwise.ToFloat{}, v)
}

// Declare builds a network once in a graph of its own, for samples of a spec, to learn its parameters.
func Declare(n Network, x kernels.Spec) (*ParamSet, error) {
	set, err := declareWith(func(c *Context) {
		in := Inputs{X: c.G.Input("x", x), T: c.G.Input("t", kernels.Dense(kernels.F32, x.N, 1, 1, 1)),
			Conditions: map[string]kernels.Value{}}
		for _, k := range n.Signature().Conditions {
			in.Conditions[k.Name] = c.G.Input(k.Name, k.Spec(x.N))
		}
		n.Forward(c, in)
	})
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Config().ClassName(), err)
	}
	return set, nil
}
