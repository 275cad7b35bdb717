package model

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Images is a batch of N samples of H x W pixels and C channels in the machines' order, N,H,W,C without pads.
type Images struct {
	N, H, W, C int
	Data       []float32
}

// NewImages makes an empty batch.
func NewImages(n, h, w, c int) *Images { return &Images{n, h, w, c, make([]float32, n*h*w*c)} }

// FromDense converts an N,C,H,W (or N,D) float32 array, row-major and not a view.
func FromDense(d *tensor.Dense) (*Images, error) {
	if d.RequiresIterator() || d.DataOrder().IsColMajor() {
		return nil, fmt.Errorf("array of shape %v is a view, transposed or column-major: materialize it first", d.Shape())
	}
	data, ok := d.Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("array of %s: want float32", d.Dtype())
	}
	s := d.Shape()
	switch len(s) {
	case 2:
		return &Images{s[0], 1, 1, s[1], append([]float32(nil), data...)}, nil
	case 4:
		m := NewImages(s[0], s[2], s[3], s[1])
		m.swap(func(nhwc, nchw int) { m.Data[nhwc] = data[nchw] })
		return m, nil
	}
	return nil, fmt.Errorf("array of shape %v: want (N,C,H,W) or (N,D)", s)
}

// Dense converts to N,C,H,W, or to N,D where points is set.
func (m *Images) Dense(points bool) *tensor.Dense {
	out := make([]float32, len(m.Data))
	m.swap(func(nhwc, nchw int) { out[nchw] = m.Data[nhwc] })
	shape := []int{m.N, m.C, m.H, m.W}
	if points {
		shape = []int{m.N, m.C}
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(out))
}

// swap visits every element's position in both orders.
func (m *Images) swap(fn func(nhwc, nchw int)) {
	for n := range m.N {
		for h := range m.H {
			for w := range m.W {
				for c := range m.C {
					fn(((n*m.H+h)*m.W+w)*m.C+c, ((n*m.C+c)*m.H+h)*m.W+w)
				}
			}
		}
	}
}

// Rows returns samples lo..hi, sharing memory.
func (m *Images) Rows(lo, hi int) *Images {
	k := m.H * m.W * m.C
	return &Images{hi - lo, m.H, m.W, m.C, m.Data[lo*k : hi*k]}
}

// Integers reads a one-dimensional integer array.
func Integers(d *tensor.Dense) ([]int32, error) {
	var out []int32
	switch v := d.Data().(type) {
	case []int64:
		for _, x := range v {
			if x != int64(int32(x)) {
				return nil, fmt.Errorf("%d does not fit 32 bits", x)
			}
			out = append(out, int32(x))
		}
	case []int32:
		out = append(out, v...)
	case []uint8:
		for _, x := range v {
			out = append(out, int32(x))
		}
	default:
		return nil, fmt.Errorf("array of %s: want integers", d.Dtype())
	}
	return out, nil
}
