package embed

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/cpu"
	"github.com/unnoise/unnoise/kernels/kerneltest"
)

// TestOperators runs every operator that the package registers.
func TestOperators(t *testing.T) { kerneltest.RunFamily(t) }

// embedding runs an operator's variant of a backend on times in float32.
func embedding(t *testing.T, op Sinusoidal, backend string, at int) []float32 {
	t.Helper()
	in := kernels.Dense(kernels.I32, 1, 1, 1, 1)
	out, err := op.Infer([]*kernels.Spec{&in})
	if err != nil {
		t.Fatal(err)
	}
	y := &kernels.Operand{Spec: out[0], F32: make([]float32, out[0].Span())}
	c := &kernels.Call{Op: op, In: []*kernels.Operand{{Spec: in, I32: []int32{int32(at)}}}, Out: []*kernels.Operand{y}}
	v, err := kernels.Choose(c, kernels.Props{Backend: backend, Workers: 1}, kernels.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Kernel.Run(cpu.NewQueue(1), c); err != nil {
		t.Fatal(err)
	}
	return y.F32[:op.Dim]
}

// TestSinusoidalKnownValues holds the embedding to values computed independently: sums over all 128 elements and single ones.
func TestSinusoidalKnownValues(t *testing.T) {
	ho := Sinusoidal{Dim: 128, FreqShift: 1, MaxPeriod: 10000}
	adm := Sinusoidal{Dim: 128, FlipSinToCos: true}
	blog := Sinusoidal{Dim: 28, FreqShift: 1}
	tests := []struct {
		op   Sinusoidal
		t    int
		sum  float64
		want map[int]float64
	}{
		{ho, 0, 64, map[int]float64{0: 0, 63: 0, 64: 1, 127: 1}},
		{ho, 1, 69.0175936980, map[int]float64{0: .841470984808, 1: .760438742110, 32: .009294964052, 63: 1e-4, 64: .540302305868, 65: .649409670007, 127: .999999995}},
		{ho, 10, 54.0968748018, nil},
		{ho, 500, 22.2396150144, map[int]float64{0: -.467771805322, 1: -.999681617479, 127: .998750260395}},
		{ho, 999, 13.4984638615, map[int]float64{0: -.026460752737, 1: .726708825575, 63: .099733915731, 64: .999649852981, 127: .995014143645}},
		{adm, 1, math.NaN(), map[int]float64{0: .540302305868, 1: .647905872267, 64: .841470984808, 127: 1.15478198e-4}},
		{blog, 1, math.NaN(), map[int]float64{0: .841470985, 1: .472731787, 2: .240078001, 3: .119094324}},
	}
	for _, tt := range tests {
		for _, backend := range []string{"reference", "cpu"} {
			e := embedding(t, tt.op, backend, tt.t)
			var sum float64
			for _, v := range e {
				sum += float64(v)
			}
			if !math.IsNaN(tt.sum) && math.Abs(sum-tt.sum) > 2e-6 {
				t.Errorf("%s: sum of the embedding of %d is %.10f, want %.10f", backend, tt.t, sum, tt.sum)
			}
			for i, want := range tt.want {
				if math.Abs(float64(e[i])-want) > 6e-8*math.Abs(want)+1e-12 {
					t.Errorf("%s: element %d of the embedding of %d is %.10g, want %.10g", backend, i, tt.t, e[i], want)
				}
			}
		}
	}
}

func TestLookupOutsideTable(t *testing.T) {
	ids, table := kernels.Dense(kernels.I32, 1, 1, 1, 1), kernels.Dense(kernels.F32, 3, 1, 1, 2)
	y := &kernels.Operand{Spec: kernels.Dense(kernels.F32, 1, 1, 1, 2), F32: make([]float32, 8)}
	c := &kernels.Call{Op: Lookup{}, Out: []*kernels.Operand{y}, In: []*kernels.Operand{
		{Spec: ids, Name: "labels", I32: []int32{3}}, {Spec: table, F32: make([]float32, table.Span())}}}
	if err := lookupCPU(cpu.NewQueue(1), c); err == nil || !strings.Contains(err.Error(), "labels of sample 0 is 3, expected 0..2") {
		t.Errorf("label 3 of a table of 3 rows gives error %v", err)
	}
	lookupReference[float32](c)
	if v := y.F32[0]; v == v {
		t.Errorf("the reference gives %g for a label outside the table, want NaN", v)
	}
}

func TestInferRefuses(t *testing.T) {
	i, f, img := kernels.Dense(kernels.I32, 4, 1, 1, 1), kernels.Dense(kernels.F32, 4, 1, 1, 1), kernels.Dense(kernels.F32, 4, 2, 2, 3)
	tests := []struct {
		op   kernels.Operator
		in   []*kernels.Spec
		want string
	}{
		{Sinusoidal{Dim: 1}, []*kernels.Spec{&i}, "too small"},
		{Sinusoidal{Dim: 2, FreqShift: 1}, []*kernels.Spec{&i}, "too small"},
		{Sinusoidal{Dim: 8}, []*kernels.Spec{&img}, "expected f32 or i32"},
		{Fourier{}, []*kernels.Spec{&f, &i}, "frequencies"},
		{Lookup{}, []*kernels.Spec{&f, &f}, "expected i32"},
		{Lookup{}, []*kernels.Spec{&i, &img}, "table"},
		{LookupGrad{0}, []*kernels.Spec{&i, &f}, "impossible"},
	}
	for _, tt := range tests {
		if _, err := tt.op.Infer(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.op.Name(), err, tt.want)
		}
	}
}
