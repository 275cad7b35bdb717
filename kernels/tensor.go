// Package kernels holds the operators of unnoise: one folder a family, four sibling files an operator
// (descriptor, CPU reference and fast variant, CUDA launcher, CUDA source). This file has the tensor layout.
package kernels

import (
	"fmt"
	"math"
)

// DType is an element type.
type DType uint8

// The element types. BF16 tensors are kept as rounded float32 values by the CPU backends. F32 tensors are
// kept as float64 by the float64 reference.
const (
	F32 DType = iota
	BF16
	I32
)

// Size returns the number of bytes of one element on a device.
func (d DType) Size() int {
	if d == BF16 {
		return 2
	}
	return 4
}

func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case BF16:
		return "bf16"
	case I32:
		return "i32"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// PitchMultiple is what pitches are rounded up to, in elements: 16 bytes of bf16.
const PitchMultiple = 8

// RoundUp returns c rounded up to a multiple of PitchMultiple.
func RoundUp(c int) int { return (c + PitchMultiple - 1) / PitchMultiple * PitchMultiple }

// Spec is the type and layout of a tensor: N images of H x W pixels of C channels, channels last. Element
// (n, h, w, c) lies at ((n*H+h)*W+w)*Pitch + c. Weights of a convolution are O,KH,KW,I in the same four places;
// matrices are (rows,1,1,columns) or (batch,1,rows,columns); vectors (1,1,1,C). Lanes C..Pitch of
// a row are padding that kernels neither read nor write: zero in persistent buffers, anything in temporary ones.
type Spec struct {
	DType      DType
	N, H, W, C int
	Pitch      int // distance between rows in elements, >= C
}

// Dense returns the spec of a tensor of its own, its pitch rounded up.
func Dense(d DType, n, h, w, c int) Spec {
	return Spec{DType: d, N: n, H: h, W: w, C: c, Pitch: RoundUp(c)}
}

// Vector returns the spec of c elements in one row.
func Vector(d DType, c int) Spec { return Dense(d, 1, 1, 1, c) }

// Rows returns N*H*W.
func (s Spec) Rows() int { return s.N * s.H * s.W }

// Elements returns the number of logical elements, pads not counted.
func (s Spec) Elements() int { return s.Rows() * s.C }

// Bytes returns the bytes of the logical elements on a device.
func (s Spec) Bytes() int64 { return int64(s.Elements()) * int64(s.DType.Size()) }

// Span returns the number of elements from the first to one past the last row, pads included.
func (s Spec) Span() int { return s.Rows() * s.Pitch }

// Extent returns the number of elements that a view of this spec touches: the last row ends at C.
func (s Spec) Extent() int {
	if s.Rows() == 0 {
		return 0
	}
	return (s.Rows()-1)*s.Pitch + s.C
}

// SameShape reports whether N, H, W and C agree.
func (s Spec) SameShape(o Spec) bool { return s.N == o.N && s.H == o.H && s.W == o.W && s.C == o.C }

// WithC returns a dense spec with another number of channels.
func (s Spec) WithC(c int) Spec { return Dense(s.DType, s.N, s.H, s.W, c) }

// WithDType returns the same shape, dense, with another element type.
func (s Spec) WithDType(d DType) Spec { return Dense(d, s.N, s.H, s.W, s.C) }

func (s Spec) String() string {
	p := ""
	if s.Pitch != RoundUp(s.C) {
		p = fmt.Sprintf("/%d", s.Pitch)
	}
	return fmt.Sprintf("%s[%d,%d,%d,%d%s]", s.DType, s.N, s.H, s.W, s.C, p)
}

// Valid reports an error for an impossible spec.
func (s Spec) Valid() error {
	if s.N < 1 || s.H < 1 || s.W < 1 || s.C < 1 || s.Pitch < s.C {
		return fmt.Errorf("impossible tensor %s (pitch %d)", s, s.Pitch)
	}
	if int64(s.Rows())*int64(s.Pitch) > math.MaxInt32*64 {
		return fmt.Errorf("tensor %s is too large", s)
	}
	return nil
}

// Float is what the reference computes with.
type Float interface{ float32 | float64 }

// Operand is a tensor bound to memory. Exactly one of F32, F64, I32 (host memory from the tensor's first element on)
// or Addr (device memory) is set.
type Operand struct {
	Spec
	Name string // what messages and dumps call it
	F32  []float32
	F64  []float64
	I32  []int32
	Addr uint64
	// Accumulate marks a gradient that is overwritten in the first micro-batch of a step and added to in the others.
	Accumulate bool
	Life       Life // of device memory
}

// Life is the planned life of a temporary that an operand lies in.
type Life struct {
	Temporary   uint32 // a number of its own; 0: not a temporary
	First, Last bool   // this call is the first, the last one to use it
	Addr        uint64 // of the whole temporary
	Bytes       int64
}

// Adds reports whether an output has to be added to what is there.
func (o *Operand) Adds(s *StepState) bool { return o.Accumulate && s != nil && s.Micro > 0 }

// View is an operand as the reference sees it: plain indexing, values as float64.
type View[T Float] struct {
	Spec
	data []T
	i32  []int32
	add  bool
}

// In returns input i for reading; its Ok is false where the operand is absent.
func In[T Float](c *Call, i int) View[T] {
	if i >= len(c.In) || c.In[i] == nil {
		return View[T]{}
	}
	return viewOf[T](c.In[i])
}

// Out returns output i for writing; its Ok is false where the operand is absent. Set adds where the call accumulates.
func Out[T Float](c *Call, i int) View[T] {
	if i >= len(c.Out) || c.Out[i] == nil {
		return View[T]{}
	}
	v := viewOf[T](c.Out[i])
	v.add = c.Out[i].Adds(c.State)
	return v
}

func viewOf[T Float](o *Operand) View[T] {
	v := View[T]{Spec: o.Spec, i32: o.I32}
	var zero T
	switch any(zero).(type) {
	case float32:
		v.data, _ = any(o.F32).([]T)
	case float64:
		v.data, _ = any(o.F64).([]T)
	}
	return v
}

// Ok reports whether the operand is there.
func (v View[T]) Ok() bool { return v.data != nil || v.i32 != nil }

func (v View[T]) index(n, h, w, c int) int { return ((n*v.H+h)*v.W+w)*v.Pitch + c }

// At returns element (n, h, w, c).
func (v View[T]) At(n, h, w, c int) float64 { return float64(v.data[v.index(n, h, w, c)]) }

// Int returns element (n, h, w, c) of an I32 tensor.
func (v View[T]) Int(n, h, w, c int) int { return int(v.i32[v.index(n, h, w, c)]) }

// Set writes element (n, h, w, c), rounded once to the tensor's type.
func (v View[T]) Set(n, h, w, c int, x float64) {
	i := v.index(n, h, w, c)
	if v.add {
		x += float64(v.data[i])
	}
	if v.DType == BF16 {
		x = float64(RoundBF16(float32(x)))
	}
	v.data[i] = T(x)
}

// SetInt writes element (n, h, w, c) of an I32 tensor.
func (v View[T]) SetInt(n, h, w, c int, x int) { v.i32[v.index(n, h, w, c)] = int32(x) }

// RoundBF16 rounds to the nearest bfloat16 value, ties to even; NaN stays NaN.
func RoundBF16(x float32) float32 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return math.Float32frombits(0x7fff0000)
	}
	b += 0x7fff + b>>16&1
	return math.Float32frombits(b &^ 0xffff)
}
