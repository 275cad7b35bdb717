package npy

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Rows is an array whose rows, the parts under one first index, are read on demand.
type Rows struct {
	Shape []int  // at least one dimension, none of them 0
	Type  string // "float32", "float64", "int32", "int64" or "uint8"

	r    io.ReaderAt
	at   int64 // of the first row
	kind kind
	size int // elements of a row
}

// OpenRows reads the header of a .npy file of size bytes and holds it to the size. Arrays in Fortran order are refused.
func OpenRows(r io.ReaderAt, size int64) (*Rows, error) {
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
	switch {
	case len(h.shape) == 0:
		return nil, errors.New("the array is a single number: want one row a sample")
	case h.fortran && len(h.shape) > 1:
		return nil, errors.New("the array is in Fortran order: save numpy.ascontiguousarray(array) instead")
	}
	return &Rows{Shape: slices.Clone(h.shape), Type: h.kind.name, r: r, at: used, kind: h.kind, size: n / h.shape[0]}, nil
}

// RowSize is the number of elements of a row.
func (a *Rows) RowSize() int { return a.size }

// Read returns rows first..first+n as []float32 (also of float64), []int32, []int64 or []uint8. It may be called concurrently.
func (a *Rows) Read(first, n int) (any, error) {
	if first < 0 || n < 1 || first > a.Shape[0]-n {
		return nil, fmt.Errorf("rows %d..%d of an array of %d", first, first+n, a.Shape[0])
	}
	raw := make([]byte, n*a.size*a.kind.size)
	if _, err := a.r.ReadAt(raw, a.at+int64(first)*int64(a.size*a.kind.size)); err != nil {
		return nil, fmt.Errorf("reading rows %d..%d: %w", first, first+n, err)
	}
	return a.kind.decode(raw, n*a.size), nil
}
