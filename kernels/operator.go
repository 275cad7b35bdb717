package kernels

// Value is a tensor in a graph: a number that the graph knows, with its shape. The zero Value is an absent operand.
type Value struct {
	ID   int
	Spec Spec
}

// Ok reports whether the value is there.
func (v Value) Ok() bool { return v.ID != 0 }

// Node is an operator applied in a graph, as Grad sees it. Absent operands are zero Values.
type Node struct {
	Op  Operator
	In  []Value
	Out []Value
}

// Builder takes operators while a graph is built.
type Builder interface {
	// Emit applies an operator and returns its outputs. A shape error is kept by the builder; absent Values follow it.
	Emit(op Operator, in ...Value) []Value
}

// Emit1 applies an operator and returns its first output.
func Emit1(b Builder, op Operator, in ...Value) Value {
	if out := b.Emit(op, in...); len(out) > 0 {
		return out[0]
	}
	return Value{}
}

// Operator describes an operation: attributes are the fields of the implementing struct, a comparable value.
type Operator interface {
	// Name is the stem of the operator's files, for example "conv2d".
	Name() string
	// Infer checks the inputs (nil where absent) and returns the outputs' specs.
	Infer(in []*Spec) ([]Spec, error)
	// Cost counts the least work and traffic of a call with these shapes.
	Cost(in []*Spec, out []Spec) Cost
	// Tolerance is what a variant may differ from the reference by.
	Tolerance(d DType) Tol
	// Cases are the shapes that every variant is checked on; they do not depend on the receiver's fields.
	Cases() []Case
	// Grad emits the operators that compute the gradients of the inputs for which need is set, given the gradients dout of
	// the outputs (zero where nothing flows back). It may use n.In and n.Out: what it uses is kept for the backward pass.
	// Inputs without gradient get a zero Value.
	Grad(b Builder, n Node, dout []Value, need []bool) []Value
}

// ResidualOperator is an operator with an optional operand that is added to output 0; the graph uses it to sum gradients.
type ResidualOperator interface {
	Operator
	// ResidualIndex is the position of that operand.
	ResidualIndex() int
}

// AccumulatingOperator is an operator whose outputs may be gradient buffers that are added to (Operand.Adds).
type AccumulatingOperator interface {
	Operator
	// Accumulates reports whether output i honours Operand.Adds.
	Accumulates(i int) bool
}

// OutputTolerance is an operator whose outputs have tolerances of their own, or that grow with the inputs' shapes.
type OutputTolerance interface {
	Operator
	// ToleranceOf is what a variant's output i of type d may differ from the reference by, for inputs of these shapes.
	ToleranceOf(in []*Spec, i int, d DType) Tol
}

// ToleranceOf returns the tolerance of output i of a call.
func ToleranceOf(c *Call, i int) Tol {
	d := c.Out[i].DType
	o, ok := c.Op.(OutputTolerance)
	if !ok {
		return c.Op.Tolerance(d)
	}
	in := make([]*Spec, len(c.In))
	for k, x := range c.In {
		if x != nil {
			in[k] = &x.Spec
		}
	}
	return o.ToleranceOf(in, i, d)
}

// Cost is the work of one call. A multiply-add is two FLOPs.
type Cost struct {
	FLOPs float64
	MACs  float64 // multiply-adds of convolutions and matrix products, the figure the literature quotes
	Bytes float64 // least bytes read and written
}

// Add returns the sum.
func (c Cost) Add(o Cost) Cost {
	return Cost{c.FLOPs + o.FLOPs, c.MACs + o.MACs, c.Bytes + o.Bytes}
}

// IOBytes is the traffic of reading every input and writing every output once.
func IOBytes(in []*Spec, out []Spec) float64 {
	var b int64
	for _, s := range in {
		if s != nil {
			b += s.Bytes()
		}
	}
	for _, s := range out {
		b += s.Bytes()
	}
	return float64(b)
}

// Tol is a tolerance: |got - want| <= Abs + Rel*|want|.
type Tol struct {
	Abs, Rel float64
	Why      string // where the number comes from
}

// Case is one set of attributes and shapes on which variants are held to the reference, and gradients to finite differences.
type Case struct {
	Name   string
	Op     Operator
	In     []Input
	State  StepState
	NoGrad bool // random draws and optimizers have no gradient to check
	OutPad int  // elements added to the pitch of outputs: they lie in wider tensors
}

// Input is an operand of a case.
type Input struct {
	Spec   *Spec // nil: absent
	Fill   Fill
	Lo, Hi float64   // Uniform: the range; Ints: Lo <= x < Hi
	Values []float64 // Given: the elements
	Grad   bool      // finite differences are taken with respect to this input
}

// Fill says what a case's input holds.
type Fill uint8

// The fills.
const (
	Normal  Fill = iota // standard normal
	Uniform             // uniform in [Lo, Hi)
	Ints                // integers in [Lo, Hi)
	Zeros
	Given // the values listed, as many as there are elements
)

// Absent is an operand that is not there.
func Absent() Input { return Input{} }

// Randn is a float32 input of normal draws that gradients are checked for.
func Randn(n, h, w, c int) Input {
	s := Dense(F32, n, h, w, c)
	return Input{Spec: &s, Grad: true}
}

// RandnPitch is Randn with a pitch of its own.
func RandnPitch(n, h, w, c, pitch int) Input {
	s := Spec{DType: F32, N: n, H: h, W: w, C: c, Pitch: pitch}
	return Input{Spec: &s, Grad: true}
}

// RandUniform is a float32 input of uniform draws without gradient.
func RandUniform(lo, hi float64, n, h, w, c int) Input {
	s := Dense(F32, n, h, w, c)
	return Input{Spec: &s, Fill: Uniform, Lo: lo, Hi: hi}
}

// Values is a float32 input of given elements without gradient.
func Values(n, h, w, c int, v ...float64) Input {
	s := Dense(F32, n, h, w, c)
	return Input{Spec: &s, Fill: Given, Values: v}
}

// RandInts is an I32 input of integers lo <= x < hi.
func RandInts(lo, hi int, n, h, w, c int) Input {
	s := Dense(I32, n, h, w, c)
	return Input{Spec: &s, Fill: Ints, Lo: float64(lo), Hi: float64(hi)}
}

// InPlaceOperator is an operator that updates some of its inputs: output i shares the memory of input Alias(i), or none
// where Alias(i) is negative.
type InPlaceOperator interface {
	Operator
	Alias(i int) int
}

// MixedOperator is an operator that also computes on bf16: in bf16 mode the inputs at the positions that BF16Inputs lists are
// bf16, the others what they are in float32 mode, and Infer says what the outputs are.
type MixedOperator interface {
	Operator
	BF16Inputs() []int
}

// InBF16 returns the case in bf16 mode, false where the operator has none.
func (cs Case) InBF16() (Case, bool) {
	m, ok := cs.Op.(MixedOperator)
	if !ok {
		return cs, false
	}
	cs.In = append([]Input(nil), cs.In...)
	for _, i := range m.BF16Inputs() {
		if i < len(cs.In) && cs.In[i].Spec != nil {
			s := *cs.In[i].Spec
			s.DType = BF16
			cs.In[i].Spec = &s
		}
	}
	return cs, true
}
