package gpu

import (
	"encoding/binary"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
)

// Ptr is the address of an operand's first element, 0 where the operand is absent.
func Ptr(o *kernels.Operand) cuda.DevicePtr {
	if o == nil {
		return 0
	}
	return cuda.DevicePtr(o.Addr)
}

// In is operand i of a list, nil where it is absent.
func In(list []*kernels.Operand, i int) *kernels.Operand {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// Use declares the logical elements of an operand, pads left out.
func Use(o *kernels.Operand, m cuda.Mode) cuda.Operand {
	size := int64(o.DType.Size())
	r := cuda.Rows(o.Name, Ptr(o), int64(o.Rows()), int64(o.C)*size, int64(o.Pitch)*size, m)
	r.Life = life(o)
	return r
}

// UseBytes declares a contiguous part of an operand, n bytes from byte offset on, such as a part of the scratch memory.
func UseBytes(o *kernels.Operand, offset, n int64, m cuda.Mode) cuda.Operand {
	r := cuda.Range(o.Name, Ptr(o)+cuda.DevicePtr(offset), n, m)
	r.Life = life(o)
	return r
}

// Uses declares what a call reads and writes: inputs read, outputs written, or read and written where they accumulate or
// share an input's memory. Absent operands are left out.
func Uses(c *kernels.Call) []cuda.Operand {
	var list []cuda.Operand
	inPlace, _ := c.Op.(kernels.InPlaceOperator)
	for _, o := range c.In {
		if o != nil {
			list = append(list, Use(o, cuda.Read))
		}
	}
	for i, o := range c.Out {
		switch {
		case o == nil:
		case o.Accumulate || inPlace != nil && inPlace.Alias(i) >= 0:
			list = append(list, Use(o, cuda.ReadWrite))
		default:
			list = append(list, Use(o, cuda.Write))
		}
	}
	return list
}

func life(o *kernels.Operand) cuda.Life {
	l := o.Life
	return cuda.Life{Temporary: l.Temporary, Begins: l.First, Ends: l.Last, Ptr: cuda.DevicePtr(l.Addr), Bytes: l.Bytes}
}

// Accumulates is 1 where a launcher has to tell its kernel that an output may be added to (where StepState.micro > 0), else 0.
func Accumulates(o *kernels.Operand) int32 {
	if o != nil && o.Accumulate {
		return 1
	}
	return 0
}

// Aligned reports whether every given operand (absent ones are skipped) allows vector accesses of n elements: its address and
// the distance between its rows are multiples of n elements.
func Aligned(n int, list ...*kernels.Operand) bool {
	for _, o := range list {
		if o == nil {
			continue
		}
		if o.Addr%uint64(n*o.DType.Size()) != 0 || o.Pitch%n != 0 {
			return false
		}
	}
	return true
}

// Suffix is the ending of a kernel's name for an element type: f32, bf16.
func Suffix(d kernels.DType) string { return d.String() }

// Ceil is the quotient of two positive numbers, rounded up.
func Ceil(a, b int) int { return (a + b - 1) / b }

// Kernel makes a CUDA variant from functions; name and doc are Variant's. supports and scratch may be nil; scratch returns bytes.
func Kernel(number int, name, doc string, supports func(c *kernels.Call, p kernels.Props) error,
	scratch func(c *kernels.Call, p kernels.Props) int64, run func(q *Queue, c *kernels.Call) error) kernels.Variant {
	return kernels.Variant{Backend: "cuda", Number: number, Name: name, Doc: doc, Kernel: variant{supports, scratch, run}}
}

type variant struct {
	supports func(c *kernels.Call, p kernels.Props) error
	scratch  func(c *kernels.Call, p kernels.Props) int64
	run      func(q *Queue, c *kernels.Call) error
}

func (v variant) Supports(c *kernels.Call, p kernels.Props) error {
	if v.supports == nil {
		return nil
	}
	return v.supports(c, p)
}

func (v variant) Workspace(c *kernels.Call, p kernels.Props) int64 {
	if v.scratch == nil {
		return 0
	}
	return v.scratch(c, p)
}

func (v variant) Run(q kernels.Queue, c *kernels.Call) error { return v.run(Of(q), c) }

// Encode lays values out as a device stores them, f32 or rounded to bf16.
func Encode(d kernels.DType, values []float32) []byte {
	le := binary.LittleEndian
	buf := make([]byte, len(values)*d.Size())
	for i, v := range values {
		if d == kernels.BF16 {
			le.PutUint16(buf[2*i:], uint16(math.Float32bits(kernels.RoundBF16(v))>>16))
		} else {
			le.PutUint32(buf[4*i:], math.Float32bits(v))
		}
	}
	return buf
}
