package npy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Rows is an array whose rows, the parts under one first index, are read on demand.
type Rows struct {
	Shape []int  // at least one dimension, none of them 0
	Type  string // of the file: "float16", .., "int8", .., "uint64" or "bool"

	r      io.ReaderAt
	at     int64 // of the first row
	header header
	size   int // elements of a row
}

// OpenRows reads the header of a .npy file of size bytes and checks it against the size. Arrays in
// Fortran order are brought into memory, and refused above maxBytes.
func OpenRows(r io.ReaderAt, size, maxBytes int64) (*Rows, error) {
	h, used, err := readHeader(io.NewSectionReader(r, 0, size))
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
	if len(h.shape) == 0 {
		return nil, errors.New("the array is a single number: expected one row a sample")
	}
	a := &Rows{Shape: slices.Clone(h.shape), Type: h.kind.name, r: r, at: used, header: h, size: n / h.shape[0]}
	if h.fortran && len(h.shape) > 1 {
		return a, a.toRowMajor(size-used, maxBytes)
	}
	return a, nil
}

// toRowMajor brings an array in Fortran order into memory, row by row.
func (a *Rows) toRowMajor(bytesOfData, maxBytes int64) error {
	if bytesOfData > maxBytes {
		return fmt.Errorf("the array is in Fortran order and has %d bytes, more than the %d that may be held in memory: save numpy.ascontiguousarray(array)",
			bytesOfData, maxBytes)
	}
	raw := make([]byte, bytesOfData)
	if _, err := a.r.ReadAt(raw, a.at); err != nil {
		return fmt.Errorf("reading the data: %w", err)
	}
	a.r, a.at = bytes.NewReader(toRowMajor(raw, a.Shape, a.header.kind.size)), 0
	return nil
}

// AsOneRow returns the whole array as the only row of an array with one dimension more.
func (a *Rows) AsOneRow() *Rows {
	one := *a
	one.Shape, one.size = append([]int{1}, a.Shape...), a.size*a.Shape[0]
	return &one
}

// RowSize is the number of elements of a row.
func (a *Rows) RowSize() int { return a.size }

// Read returns rows first..first+n as []float32, []int32, []int64 or []uint8, as ReadFile does. It may be called concurrently.
func (a *Rows) Read(first, n int) (any, error) {
	if first < 0 || n < 1 || first > a.Shape[0]-n {
		return nil, fmt.Errorf("rows %d..%d of an array of %d", first, first+n, a.Shape[0])
	}
	size := a.header.kind.size
	raw := make([]byte, n*a.size*size)
	if _, err := a.r.ReadAt(raw, a.at+int64(first)*int64(a.size*size)); err != nil {
		return nil, fmt.Errorf("reading rows %d..%d: %w", first, first+n, err)
	}
	return a.header.decode(raw, n*a.size), nil
}
