package diffusion

import (
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// operandOf makes a float32 operand of pitch C.
func operandOf(n, h, w, c int, v ...float32) *kernels.Operand {
	return &kernels.Operand{Spec: kernels.Spec{N: n, H: h, W: w, C: c, Pitch: c}, F32: append(make([]float32, 0, n*h*w*c), v...)}
}

func TestReverseUpdateValues(t *testing.T) {
	table := operandOf(2, 1, 1, 8, 9, 9, 9, 9, 9, 9, 9, 9, 2, -1, 0.5, 0.25, 0, 0, 0, 0)
	y := operandOf(1, 1, 1, 3, 0, 0, 0)
	c := &kernels.Call{Op: ReverseUpdate{Clip: 1}, State: &kernels.StepState{ChainIndex: 1}, Out: []*kernels.Operand{y},
		In: []*kernels.Operand{operandOf(1, 1, 1, 3, 1, 0.25, -2), operandOf(1, 1, 1, 3, 0, 0.75, 1), table}}
	want := []float32{0.5*1 + 0.25, 0.5*-0.25 + 0.25*0.25, 0.5*-1 + 0.25*-2}
	for name, run := range map[string]func() error{
		"reference": func() error { reverseUpdateReference[float32](c); return nil },
		"cpu":       func() error { return reverseUpdateCPU(cpu.NewQueue(1), c) },
	} {
		clear(y.F32)
		if err := run(); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if y.F32[i] != want[i] {
				t.Errorf("%s: element %d is %g, want %g", name, i, y.F32[i], want[i])
			}
		}
	}
	c.State.ChainIndex = 2
	if err := reverseUpdateCPU(cpu.NewQueue(1), c); err == nil || !strings.Contains(err.Error(), "chain index 2") {
		t.Errorf("chain index 2 of a table of 2 rows gives error %v", err)
	}
	reverseUpdateReference[float32](c)
	if v := y.F32[0]; v == v {
		t.Errorf("the reference gives %g for a chain index outside the table, want NaN", v)
	}
}

func TestNoisingOutsideTable(t *testing.T) {
	times := &kernels.Operand{Spec: kernels.Spec{DType: kernels.I32, N: 1, H: 1, W: 1, C: 1, Pitch: 1}, Name: "t", I32: []int32{-1}}
	x, xt, target := operandOf(1, 1, 1, 2, 1, 2), operandOf(1, 1, 1, 2, 0, 0), operandOf(1, 1, 1, 2, 0, 0)
	c := &kernels.Call{Op: Noising{}, State: &kernels.StepState{}, Out: []*kernels.Operand{xt, target},
		In: []*kernels.Operand{x, times, operandOf(1, 1, 1, 4, 1, 1, 1, 1), x}}
	if err := noisingCPU(cpu.NewQueue(1), c); err == nil || !strings.Contains(err.Error(), "t of sample 0 is -1, expected 0..0") {
		t.Errorf("time -1 gives error %v", err)
	}
	noisingReference[float32](c)
	if v := xt.F32[0]; v == v {
		t.Errorf("the reference gives %g for a time outside the table, want NaN", v)
	}
}

func TestInferRefuses(t *testing.T) {
	x, y := kernels.Dense(kernels.F32, 2, 3, 3, 4), kernels.Dense(kernels.F32, 2, 3, 3, 5)
	i, table, update := kernels.Dense(kernels.I32, 2, 1, 1, 1), kernels.Dense(kernels.F32, 9, 1, 1, 4), kernels.Dense(kernels.F32, 9, 1, 1, 8)
	bf := kernels.Dense(kernels.BF16, 2, 3, 3, 4)
	tests := []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Noising{}, []*kernels.Spec{&x, &i}, "input 2 is missing"},
		{Noising{}, []*kernels.Spec{&x, &i, &update}, "table"},
		{Noising{}, []*kernels.Spec{&x, &i, &table, &y}, "eps"},
		{Noising{}, []*kernels.Spec{&bf, &i, &table}, "expected f32"},
		{Noising{Transpose: true}, []*kernels.Spec{&x, &i, &table}, "input 3 is missing"},
		{ReverseUpdate{}, []*kernels.Spec{&x, &y, &update}, "expected the shape"},
		{ReverseUpdate{}, []*kernels.Spec{&x, &x, &table}, "table"},
		{ReverseUpdate{}, []*kernels.Spec{&x, &x, &update, &y}, "z"},
		{ReverseUpdateGrad{}, []*kernels.Spec{&x, &x, &update, &y}, "gradient"},
	}
	for _, tt := range tests {
		if _, err := tt.op.Infer(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.op.Name(), err, tt.want)
		}
	}
}
