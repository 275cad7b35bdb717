// Package check holds kernel variants to the reference: it makes the operands of an operator's cases, runs the reference in
// float64 and a variant in float32 on the same numbers, and compares every element, the pads and guard bands included.
package check

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/unnoise/unnoise/kernels"
)

const (
	guard       = 64 // elements before and after every buffer
	guardValue  = float32(-1.2345e30)
	guardInt    = math.MinInt32 + 77
	staleValue  = 3e20 // what outputs hold before a run: a lane left unwritten shows
	accumulated = 0.5  // what accumulating outputs hold before a run, at least: no two neighbours hold the same
)

// Precision says in which type operands are kept.
type Precision uint8

// The precisions of host operands.
const (
	Single Precision = iota
	Double
)

// operand makes a guarded buffer for a spec and fills it by fn (nil: stale).
func operand(name string, s kernels.Spec, p Precision, fn func(i int) float64) *kernels.Operand {
	o := &kernels.Operand{Spec: s, Name: name}
	n := s.Span() + 2*guard
	value := func(i int) float64 {
		if fn == nil {
			return staleValue
		}
		return fn(i)
	}
	switch {
	case s.DType == kernels.I32:
		buf := make([]int32, n)
		for i := range buf {
			buf[i] = guardInt
		}
		o.I32 = buf[guard : guard+s.Span() : guard+s.Span()]
		fill(s, func(i, lane int, logical bool) {
			switch {
			case logical && fn != nil:
				o.I32[lane] = int32(fn(i))
			case logical:
				o.I32[lane] = guardInt
			}
		})
	case p == Double:
		o.F64 = make([]float64, n)[guard : guard+s.Span()]
		fill(s, func(i, lane int, logical bool) {
			if logical {
				o.F64[lane] = value(i)
			}
		})
	default:
		buf := make([]float32, n)
		for i := range buf {
			buf[i] = guardValue
		}
		o.F32 = buf[guard : guard+s.Span() : n]
		fill(s, func(i, lane int, logical bool) {
			if logical {
				o.F32[lane] = float32(value(i))
			}
		})
	}
	return o
}

// fill visits every lane of a tensor: i counts logical elements, lane is the position in memory.
func fill(s kernels.Spec, fn func(i, lane int, logical bool)) {
	i := 0
	for r := range s.Rows() {
		for c := range s.Pitch {
			if c < s.C {
				fn(i, r*s.Pitch+c, true)
				i++
			} else {
				fn(0, r*s.Pitch+c, false)
			}
		}
	}
}

// guardsIntact reports the first write outside the logical elements of a float32 operand: pads count as outside.
func guardsIntact(o *kernels.Operand) error {
	if o.F32 == nil {
		return nil
	}
	full := o.F32[:cap(o.F32)]
	for i := o.Span(); i < len(full); i++ {
		if full[i] != guardValue {
			return fmt.Errorf("%s: written %d elements past its end", o.Name, i-o.Span())
		}
	}
	var err error
	fill(o.Spec, func(_, lane int, logical bool) {
		if !logical && o.F32[lane] != guardValue && err == nil {
			err = fmt.Errorf("%s: pad lane written, row %d lane %d", o.Name, lane/o.Pitch, lane%o.Pitch)
		}
	})
	return err
}

// snapshot copies the inputs that a kernel may not write to; those it updates in place are nil.
func snapshot(c *kernels.Call) []*kernels.Operand {
	list := make([]*kernels.Operand, len(c.In))
	for i, in := range c.In {
		if in != nil && !slices.Contains(c.Out, in) {
			o := *in
			o.F32, o.I32 = slices.Clone(in.F32), slices.Clone(in.I32)
			list[i] = &o
		}
	}
	return list
}

// unchanged reports the first input that differs in a bit from its copy.
func unchanged(c *kernels.Call, before []*kernels.Operand) error {
	for i, b := range before {
		if b == nil {
			continue
		}
		same := func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }
		if !slices.EqualFunc(c.In[i].F32, b.F32, same) || !slices.Equal(c.In[i].I32, b.I32) {
			return fmt.Errorf("%s: an input is written to", b.Name)
		}
	}
	return nil
}

// Operands makes the call of a case: inputs filled from a seed that the operator and the case decide, outputs stale.
func Operands(cs kernels.Case, p Precision, accumulate bool) (*kernels.Call, error) {
	state := cs.State
	if state.LossScale == 0 {
		state.LossScale = 1
	}
	call := &kernels.Call{Op: cs.Op, State: &state}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%s", cs.Op.Name(), cs.Name)
	specs := make([]*kernels.Spec, len(cs.In))
	for i, in := range cs.In {
		specs[i] = in.Spec
		if in.Spec == nil {
			call.In = append(call.In, nil)
			continue
		}
		rng := rand.New(rand.NewPCG(h.Sum64(), uint64(i)))
		call.In = append(call.In, operand(fmt.Sprintf("in%d", i), *in.Spec, p, filler(in, rng)))
	}
	outs, err := cs.Op.Infer(specs)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", cs.Op.Name(), cs.Name, err)
	}
	inPlace, _ := cs.Op.(kernels.InPlaceOperator)
	acc, _ := cs.Op.(kernels.AccumulatingOperator)
	for i, s := range outs {
		if inPlace != nil && inPlace.Alias(i) >= 0 {
			call.Out = append(call.Out, call.In[inPlace.Alias(i)])
			continue
		}
		s.Pitch += cs.OutPad
		var before func(int) float64
		adds := accumulate && acc != nil && acc.Accumulates(i)
		if adds {
			before = func(i int) float64 { return accumulated + float64(i%7)/4 }
		}
		o := operand(fmt.Sprintf("out%d", i), s, p, before)
		o.Accumulate = adds
		call.Out = append(call.Out, o)
	}
	if accumulate {
		state.Micro = 1
	}
	return call, nil
}

// filler returns a case's input values; both precisions get the same float32 numbers.
func filler(in kernels.Input, rng *rand.Rand) func(int) float64 {
	round := func(x float32) float64 {
		if in.Spec.DType == kernels.BF16 {
			x = kernels.RoundBF16(x)
		}
		return float64(x)
	}
	switch in.Fill {
	case kernels.Uniform:
		return func(int) float64 { return round(float32(in.Lo + (in.Hi-in.Lo)*rng.Float64())) }
	case kernels.Ints:
		return func(int) float64 { return math.Floor(in.Lo + (in.Hi-in.Lo)*rng.Float64()) }
	case kernels.Given:
		return func(i int) float64 { return round(float32(in.Values[i])) }
	case kernels.Zeros:
		return func(int) float64 { return 0 }
	}
	return func(int) float64 { return round(float32(rng.NormFloat64())) }
}
