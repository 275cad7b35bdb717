package model_test

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/conv"
)

// conditioned is a network of rows of 3 pixels: y = A x + B past + classes[label].
type conditioned struct{}

func (conditioned) ClassName() string       { return "TestConditioned" }
func (conditioned) Validate() error         { return nil }
func (conditioned) JSON() []byte            { return []byte("{}") }
func (conditioned) Channels() (in, out int) { return 2, 2 }
func (n conditioned) Config() nn.Config     { return n }

func (conditioned) Signature() nn.Signature {
	return nn.Signature{H: 1, W: 3, Conditions: []nn.Condition{
		{Name: "past", Kind: nn.SequenceCondition, Length: 3, Dim: 5},
		{Name: nn.LabelsInput, Kind: nn.ClassCondition, Classes: 4}}}
}

func (conditioned) Forward(c *nn.Context, in nn.Inputs) kernels.Value {
	class := c.Embedding("classes", in.Conditions[nn.LabelsInput], 4, 2)
	past := c.Linear(in.Conditions["past"], kernels.Value{}, nn.LinearLayer{Name: "B", Out: 2})
	return c.Conv("A", in.X, 2, conv.Same(1), nn.ConvOptions{ImageBias: class, Residual: past, Output: true})
}

func init() {
	nn.Register(nn.Class{Name: "TestConditioned", Doc: "a network of this test"},
		func([]byte) (conditioned, error) { return conditioned{}, nil }, func(n conditioned) nn.Network { return n })
}

// TestConditions gives a network two conditions of different kinds, and refuses batches that lack one
// or have another shape.
func TestConditions(t *testing.T) {
	sched, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(conditioned{}, sched, 1)
	if err != nil {
		t.Fatal(err)
	}
	const n = 2
	batch := func() model.Batch {
		b := model.Batch{X: model.NewImages(n, 1, 3, 2), T: []float32{0, 1.5}, Labels: []int32{3, 0},
			Vectors: map[string][]float32{"past": make([]float32, n*3*5)}}
		for i := range b.X.Data {
			b.X.Data[i] = float32(i%5) - 2
		}
		for i := range b.Vectors["past"] {
			b.Vectors["past"][i] = float32(i%7) - 3
		}
		return b
	}
	cpu := exec.NewCPU(exec.CPUOptions{Workers: 1})
	b := batch()
	y, err := m.Predict(cpu, b)
	if err != nil {
		t.Fatal(err)
	}
	weight := func(name string) []float32 {
		p := m.Params.Find(name)
		w := make([]float32, p.Elements())
		p.Take(m.Weights, w)
		return w
	}
	wa, wb, classes := weight("A.weight"), weight("B.weight"), weight("classes")
	for row := range n * 3 {
		for o := range 2 {
			want := float64(classes[int(b.Labels[row/3])*2+o])
			for i := range 2 {
				want += float64(wa[o*2+i]) * float64(b.X.Data[row*2+i])
			}
			for i := range 5 {
				want += float64(wb[o*5+i]) * float64(b.Vectors["past"][row*5+i])
			}
			if got := float64(y.Data[row*2+o]); math.Abs(got-want) > 1e-5 {
				t.Errorf("output %d of row %d is %g, expected %g", o, row, got, want)
			}
		}
	}
	const sequences = `conditioned on "past", sequences of 3 vectors of 5 elements: `
	for want, edit := range map[string]func(*model.Batch){
		sequences + "want 30 numbers, have 0":                   func(b *model.Batch) { b.Vectors = nil },
		sequences + "want 30 numbers, have 29":                  func(b *model.Batch) { b.Vectors["past"] = b.Vectors["past"][1:] },
		"conditioned on classes: want 2 integer labels, have 0": func(b *model.Batch) { b.Labels = nil },
		"label 4: want 0..3":                                    func(b *model.Batch) { b.Labels[1] = 4 },
		"labels are given as vectors":                           func(b *model.Batch) { b.Vectors["labels"] = make([]float32, n) },
		"future are given as vectors":                           func(b *model.Batch) { b.Vectors["future"] = make([]float32, n) },
	} {
		b := batch()
		edit(&b)
		if _, err := m.Predict(cpu, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}
