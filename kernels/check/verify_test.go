package check

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// TestBrokenKernels runs kernels that are wrong in one way each: the checker must say so.
func TestBrokenKernels(t *testing.T) {
	scaled := func(c *kernels.Call) {
		x, y := c.In[0], c.Out[0]
		for r := range x.Rows() {
			for k := range x.C {
				y.F32[r*y.Pitch+k] = 1.25 * x.F32[r*x.Pitch+k]
			}
		}
	}
	last := func(o *kernels.Operand) int { return (o.Rows()-1)*o.Pitch + o.C - 1 }
	for name, c := range map[string]struct {
		run  func(c *kernels.Call)
		want string
	}{
		"right":            {scaled, ""},
		"wrong element":    {func(c *kernels.Call) { scaled(c); c.Out[0].F32[last(c.Out[0])] += 1e-2 }, "at [1,2,4,6]"},
		"left unwritten":   {func(c *kernels.Call) { scaled(c); c.Out[0].F32[3] = staleValue }, "at [0,0,0,3]"},
		"NaN":              {func(c *kernels.Call) { scaled(c); c.Out[0].F32[0] = float32(math.NaN()) }, "NaN instead of"},
		"infinity":         {func(c *kernels.Call) { scaled(c); c.Out[0].F32[0] = float32(math.Inf(1)) }, "+Inf instead of"},
		"pad lane":         {func(c *kernels.Call) { scaled(c); c.Out[0].F32[7] = 0 }, "pad lane written, row 0 lane 7"},
		"behind the end":   {func(c *kernels.Call) { scaled(c); o := c.Out[0]; o.F32[:cap(o.F32)][o.Span()] = 1 }, "written 0 elements past its end"},
		"writes its input": {func(c *kernels.Call) { scaled(c); c.In[0].F32[2] = 5 }, "in0: an input is written to"},
		"does nothing":     {func(*kernels.Call) {}, "at [0,0,0,0]"},
		"another operator": {func(c *kernels.Call) { copy(c.Out[0].F32, c.In[0].F32) }, "instead of"},
	} {
		v := kernels.Func("cpu", 9, "test", "for this test", nil, nil, func(_ kernels.Queue, call *kernels.Call) error { c.run(call); return nil })
		res, ok := Verify(elementwise.Scale{}.Cases()[0], &v, cpu.NewQueue(1), kernels.Props{Backend: "cpu", Workers: 1})
		if !ok || res.OK != (c.want == "") || !strings.Contains(res.Error, c.want) {
			t.Errorf("%s: verdict %v, error %q, expected one with %q", name, res.OK, res.Error, c.want)
		}
	}
}

// TestBrokenAccumulation runs a kernel that overwrites what it has to add to.
func TestBrokenAccumulation(t *testing.T) {
	v := kernels.Func("cpu", 9, "test", "for this test", nil, nil, func(_ kernels.Queue, c *kernels.Call) error {
		copy(c.Out[0].F32, c.In[0].F32[:c.Out[0].C])
		return nil
	})
	x := kernels.Dense(kernels.F32, 1, 1, 1, 8)
	cs := kernels.Case{Name: "one row", Op: elementwise.Copy{}, In: []kernels.Input{{Spec: &x}}}
	res, _ := Verify(cs, &v, cpu.NewQueue(1), kernels.Props{Backend: "cpu", Workers: 1})
	if res.OK || res.MaxAbs < accumulated {
		t.Errorf("verdict %v, off by %g: %s", res.OK, res.MaxAbs, res.Error)
	}
}

// TestOutPad lays the outputs of a case into wider tensors, whose other lanes a kernel may not touch.
func TestOutPad(t *testing.T) {
	cs := elementwise.Scale{}.Cases()[0]
	cs.OutPad = 5
	c, err := Operands(cs, Single, false)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Out[0].Pitch, c.In[0].Pitch+5; got != want {
		t.Errorf("pitch %d, expected %d", got, want)
	}
	dense := kernels.Func("cpu", 1, "dense", "takes the output for dense", nil, nil, func(_ kernels.Queue, c *kernels.Call) error {
		for i := range c.In[0].F32 {
			c.Out[0].F32[i] = 1.25 * c.In[0].F32[i]
		}
		return nil
	})
	if res, _ := Verify(cs, &dense, cpu.NewQueue(1), kernels.Props{Backend: "cpu", Workers: 1}); res.OK {
		t.Error("a kernel that takes the output for dense passes")
	}
}
