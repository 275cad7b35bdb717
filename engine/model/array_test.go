package model_test

import (
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unnoise/unnoise/engine/model"
)

// TestFromDense converts there and back, and refuses what does not lie in memory as its shape says.
func TestFromDense(t *testing.T) {
	data := make([]float32, 2*3*4*5)
	for i := range data {
		data[i] = float32(i)
	}
	d := tensor.New(tensor.WithShape(2, 3, 4, 5), tensor.WithBacking(data))
	m, err := model.FromDense(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Data[((1*4+2)*5+3)*3+1]; m.N != 2 || m.C != 3 || m.H != 4 || m.W != 5 || got != float32(((1*3+1)*4+2)*5+3) {
		t.Errorf("%dx%dx%dx%d, element %g", m.N, m.C, m.H, m.W, got)
	}
	for i, v := range m.Dense(false).Data().([]float32) {
		if v != data[i] {
			t.Fatalf("element %d is %g after a round trip", i, v)
		}
	}
	view, err := d.Slice(nil, nil, nil, tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	turned := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data[:6]))
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]*tensor.Dense{"materialize": view.(*tensor.Dense), "transposed": turned,
		"want float32": tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Float64)), "(N,C,H,W) or (N,D)": tensor.New(tensor.WithShape(3), tensor.Of(tensor.Float32))} {
		if _, err := model.FromDense(bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, expected one with %q", err, name)
		}
	}
}
