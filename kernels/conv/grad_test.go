package conv

import (
	"testing"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// recorder is a builder that keeps what is emitted.
type recorder struct {
	t   *testing.T
	ops []kernels.Operator
	in  [][]kernels.Value
}

func (r *recorder) Emit(op kernels.Operator, in ...kernels.Value) []kernels.Value {
	specs := make([]*kernels.Spec, len(in))
	for i := range in {
		if in[i].Ok() {
			specs[i] = &in[i].Spec
		}
	}
	outs, err := op.Infer(specs)
	if err != nil {
		r.t.Fatalf("%s: %v", op.Name(), err)
	}
	r.ops, r.in = append(r.ops, op), append(r.in, in)
	var values []kernels.Value
	for i, s := range outs {
		values = append(values, kernels.Value{ID: 100*len(r.ops) + i, Spec: s})
	}
	return values
}

// TestPredictionGradient: the gradient of a float32 prediction of bf16 inputs is rounded once, and the other gradients follow it.
func TestPredictionGradient(t *testing.T) {
	value := func(id int, d kernels.DType, n, h, w, c int) kernels.Value {
		return kernels.Value{ID: id, Spec: kernels.Dense(d, n, h, w, c)}
	}
	n := kernels.Node{Op: Conv2D{Geometry: Same(3), OutF32: true}, In: []kernels.Value{value(1, kernels.BF16, 2, 4, 4, 16),
		value(2, kernels.BF16, 3, 3, 3, 16), value(3, kernels.F32, 1, 1, 1, 3), {}, value(4, kernels.F32, 2, 4, 4, 3)}}
	dy := value(5, kernels.F32, 2, 4, 4, 3)
	r := &recorder{t: t}
	d := n.Op.Grad(r, n, []kernels.Value{dy}, []bool{true, true, true, false, true})
	if len(r.ops) != 3 || r.ops[0] != (elementwise.Cast{To: kernels.BF16}) || r.in[0][0] != dy {
		t.Fatalf("emitted %v", r.ops)
	}
	for i, want := range map[int]kernels.DType{inX: kernels.BF16, inW: kernels.F32, inBias: kernels.F32, inResidual: kernels.F32} {
		if !d[i].Ok() || d[i].Spec.DType != want || !d[i].Spec.SameShape(n.In[i].Spec) {
			t.Errorf("gradient of input %d is %v, expected %s", i, d[i].Spec, want)
		}
	}
	if d[inResidual] != dy {
		t.Error("the residual's gradient is not the one that came in")
	}
}

// TestMixedTypes: operands of types that do not belong together are refused.
func TestMixedTypes(t *testing.T) {
	x, w := kernels.Dense(kernels.BF16, 1, 4, 4, 8), kernels.Dense(kernels.F32, 8, 3, 3, 8)
	half, bias := w.WithDType(kernels.BF16), kernels.Vector(kernels.BF16, 8)
	for _, in := range [][]*kernels.Spec{{&x, &w}, {&x, &half, &bias}} {
		if out, err := (Conv2D{Geometry: Same(3)}).Infer(in); err == nil {
			t.Errorf("%v is taken and gives %v", in, out)
		}
	}
}
