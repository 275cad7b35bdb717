// Package npy reads and writes NumPy's .npy files as *tensor.Dense, the array
// type at this project's borders. Files are checked strictly: a truncated, a
// padded or a lying one is an error, never a shorter array.
package npy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/unnoise/unnoise/engine/safefile"
	"github.com/x448/float16"
	"gorgonia.org/tensor"
)

// maxHeader bounds the text of a header, maxDims the number of dimensions.
const (
	maxHeader = 1 << 16
	maxDims   = 32
)

// ReadFile reads the array in a .npy file. Elements are float32 (also of float16
// and float64 files, rounded), int32 (also of int8, int16, uint16), int64 (also
// of uint32, uint64) or uint8 (also of bool); the shape is the file's. Fortran
// order and big-endian files are converted. Errors name the file.
func ReadFile(path string) (*tensor.Dense, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t, err := read(bufio.NewReaderSize(f, 1<<16), stat.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// WriteFile writes an array of float32, int32, int64 or uint8. The file
// appears complete or not at all.
func WriteFile(path string, t *tensor.Dense) error {
	return safefile.Write(path, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		if err := Write(b, t); err != nil {
			return err
		}
		return b.Flush()
	})
}

// read reads a whole file of the given size.
func read(r io.Reader, size int64) (*tensor.Dense, error) {
	h, used, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	n, err := h.elements()
	if err != nil {
		return nil, err
	}
	if err := h.checkSize(n, size-used); err != nil {
		return nil, err
	}
	raw := make([]byte, size-used)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("reading the data: %w", err)
	}
	if h.fortran && len(h.shape) > 1 {
		raw = toRowMajor(raw, h.shape, h.kind.size)
	}
	values := h.decode(raw, n)
	if len(h.shape) == 0 {
		return tensor.New(tensor.WithShape(1), tensor.WithBacking(values)), nil
	}
	return tensor.New(tensor.WithShape(h.shape...), tensor.WithBacking(values)), nil
}

// toRowMajor reorders the elements of a column-major array.
func toRowMajor(raw []byte, shape []int, size int) []byte {
	out := make([]byte, len(raw))
	index := make([]int, len(shape))
	for to := 0; to < len(raw); to += size {
		from, stride := 0, size
		for d, n := range shape {
			from += index[d] * stride
			stride *= n
		}
		copy(out[to:to+size], raw[from:from+size])
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out
}

// kind is an element type of the format.
type kind struct {
	code, name string // in the file, in messages
	size       int
	decode     func(raw []byte, n int) any // of little-endian elements
}

var le = binary.LittleEndian

var kinds = []kind{
	{"f2", "float16", 2, func(raw []byte, n int) any {
		return decode(raw, n, 2, func(b []byte) float32 { return float16.Frombits(le.Uint16(b)).Float32() })
	}},
	{"f4", "float32", 4, func(raw []byte, n int) any {
		return decode(raw, n, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	}},
	{"f8", "float64", 8, func(raw []byte, n int) any {
		return decode(raw, n, 8, func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) })
	}},
	{"i1", "int8", 1, func(raw []byte, n int) any {
		return decode(raw, n, 1, func(b []byte) int32 { return int32(int8(b[0])) })
	}},
	{"i2", "int16", 2, func(raw []byte, n int) any {
		return decode(raw, n, 2, func(b []byte) int32 { return int32(int16(le.Uint16(b))) })
	}},
	{"u2", "uint16", 2, func(raw []byte, n int) any {
		return decode(raw, n, 2, func(b []byte) int32 { return int32(le.Uint16(b)) })
	}},
	{"i4", "int32", 4, func(raw []byte, n int) any {
		return decode(raw, n, 4, func(b []byte) int32 { return int32(le.Uint32(b)) })
	}},
	{"u4", "uint32", 4, func(raw []byte, n int) any {
		return decode(raw, n, 4, func(b []byte) int64 { return int64(le.Uint32(b)) })
	}},
	{"i8", "int64", 8, func(raw []byte, n int) any {
		return decode(raw, n, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })
	}},
	{"u8", "uint64", 8, func(raw []byte, n int) any { // above int64 the largest int64
		return decode(raw, n, 8, func(b []byte) int64 { return int64(min(le.Uint64(b), math.MaxInt64)) })
	}},
	{"u1", "uint8", 1, func(raw []byte, n int) any { return decode(raw, n, 1, func(b []byte) uint8 { return b[0] }) }},
	{"b1", "bool", 1, func(raw []byte, n int) any { return decode(raw, n, 1, func(b []byte) uint8 { return b[0] }) }},
}

// decode returns n elements. The bytes of a big-endian raw are swapped in place.
func (h header) decode(raw []byte, n int) any {
	if size := h.kind.size; h.bigEndian && size > 1 {
		for at := 0; at < n*size; at += size {
			slices.Reverse(raw[at : at+size])
		}
	}
	return h.kind.decode(raw, n)
}

func decode[T any](raw []byte, n, size int, one func([]byte) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = one(raw[i*size:])
	}
	return out
}

// Write writes an array in version 1.0 of the format, the bytes that numpy.save
// writes. Views that are not contiguous are copied first.
func Write(w io.Writer, t *tensor.Dense) error {
	if t.RequiresIterator() || !t.DataOrder().IsRowMajor() {
		t = t.Materialize().(*tensor.Dense)
	}
	if !t.DataOrder().IsRowMajor() || !t.DataOrder().IsContiguous() {
		return fmt.Errorf("the array of shape %v is not contiguous in row-major order", t.Shape())
	}
	shape := []int(t.Shape())
	switch data := t.Data().(type) {
	case []float32:
		return writeArray(w, "<f4", shape, data)
	case []int32:
		return writeArray(w, "<i4", shape, data)
	case []int64:
		return writeArray(w, "<i8", shape, data)
	case []uint8:
		return writeArray(w, "|u1", shape, data)
	}
	return fmt.Errorf("an array of %v cannot be written: want float32, int32, int64 or uint8", t.Dtype())
}

// writeArray writes the header and then the data in pieces.
func writeArray[T float32 | int32 | int64 | uint8](w io.Writer, descr string, shape []int, data []T) error {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(data) {
		return fmt.Errorf("the array has %d elements, its shape %v wants %d", len(data), shape, n)
	}
	if _, err := w.Write(encodeHeader(descr, shape)); err != nil {
		return err
	}
	const chunk = 1 << 14
	for len(data) > 0 {
		part := data[:min(chunk, len(data))]
		if err := binary.Write(w, le, part); err != nil {
			return err
		}
		data = data[len(part):]
	}
	return nil
}
