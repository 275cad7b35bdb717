package pickle

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
)

// maxDims bounds a tensor's rank.
const maxDims = 32

// storage is a run of elements of one type in the file, or a view of one. Several tensors may share it.
type storage struct {
	key   string
	dtype string // as safetensors names it
	n     int64  // elements
	root  *storage
	base  int64 // of a view: its first element in root
	at    int64 // of a root: where its bytes lie in the file; -1: not known yet
}

// position returns where the elements of a storage begin in the file.
func (s *storage) position() int64 {
	if s.root != nil {
		return s.root.at + s.base*typeSizes[s.dtype]
	}
	return s.at
}

// Tensor is a view of a storage.
type Tensor struct {
	storage        *storage
	offset         int64 // of its first element
	shape, strides []int64
}

// DType returns the element type as safetensors names it: F32, BF16, I64.
func (t *Tensor) DType() string { return t.storage.dtype }

// Shape returns a copy of the tensor's shape.
func (t *Tensor) Shape() []int64 { return slices.Clone(t.shape) }

// Elements returns the product of the shape.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// check refuses a tensor that reaches beyond its storage or whose size overflows.
func (t *Tensor) check() error {
	if len(t.shape) != len(t.strides) {
		return fmt.Errorf("a tensor of %d dimensions has %d strides", len(t.shape), len(t.strides))
	}
	elements := int64(1)
	for _, d := range t.shape {
		if d != 0 && elements > math.MaxInt64/8/d {
			return fmt.Errorf("a tensor of shape %v: its size overflows", t.shape)
		}
		elements *= d
	}
	if elements == 0 {
		if slices.ContainsFunc(t.shape, func(d int64) bool { return d > math.MaxInt32 }) {
			return fmt.Errorf("a tensor of shape %v: too large", t.shape)
		}
		return nil
	}
	last := t.offset
	for i, d := range t.shape {
		stride := t.strides[i]
		if d > 1 && stride > (math.MaxInt64-max(last, 0))/(d-1) {
			return fmt.Errorf("a tensor of shape %v: its strides %v overflow", t.shape, t.strides)
		}
		last += (d - 1) * stride
	}
	if t.offset < 0 || last >= t.storage.n {
		return fmt.Errorf("a tensor of shape %v, strides %v and offset %d reaches beyond the %d elements of its storage %q",
			t.shape, t.strides, t.offset, t.storage.n, clip(t.storage.key))
	}
	return nil
}

// contiguous reports whether the elements lie in row-major order without gaps.
func (t *Tensor) contiguous() bool {
	next := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != next {
			return false
		}
		next *= t.shape[i]
	}
	return true
}

// span returns the elements of the storage from the tensor's first to its last.
func (t *Tensor) span() int64 {
	n := int64(1)
	for i, d := range t.shape {
		n += (d - 1) * t.strides[i]
	}
	return n
}

// Reader returns the tensor's elements in row-major order, little-endian. Of a tensor whose elements do not lie so, the part
// of the storage that it covers is held in memory.
func (f *File) Reader(t *Tensor) (io.Reader, error) {
	width := typeSizes[t.storage.dtype]
	if t.Elements() == 0 {
		return bytes.NewReader(nil), nil
	}
	begin := t.storage.position() + t.offset*width
	section := io.NewSectionReader(f.r, begin, t.span()*width)
	if t.contiguous() {
		return section, nil
	}
	span := make([]byte, t.span()*width) // no longer than the file: check and place have compared it
	if _, err := io.ReadFull(section, span); err != nil {
		return nil, err
	}
	return &gather{t: t, span: span, width: width, index: make([]int64, len(t.shape)), left: t.Elements()}, nil
}

// gather reads a strided tensor element by element.
type gather struct {
	t     *Tensor
	span  []byte
	width int64
	index []int64
	at    int64 // element of span
	left  int64
}

// Read fills p with whole elements; p has room for one at least.
func (g *gather) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) < g.width {
		return 0, io.ErrShortBuffer
	}
	n := 0
	for g.left > 0 && int64(len(p)-n) >= g.width {
		n += copy(p[n:], g.span[g.at*g.width:(g.at+1)*g.width])
		g.left--
		g.advance()
	}
	return n, nil
}

// advance goes to the next element in row-major order.
func (g *gather) advance() {
	for i := len(g.index) - 1; i >= 0; i-- {
		g.index[i]++
		g.at += g.t.strides[i]
		if g.index[i] < g.t.shape[i] {
			return
		}
		g.at -= g.index[i] * g.t.strides[i]
		g.index[i] = 0
	}
}
