package elementwise

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// Cast is y = x in another floating-point type: float32 is rounded to the nearest bfloat16, ties to even; the way back is exact.
type Cast struct {
	To kernels.DType `key:"To"`
}

func init() {
	kernels.Register(Cast{},
		kernels.Reference(castReference[float32], castReference[float64]),
		kernels.Func("cpu", 1, "blocks", "rounding loops over dense blocks or rows", nil, nil, castCPU),
		gpu.Kernel(1, "vector", "four elements an access", nil, nil, castCUDA))
}

// Name implements kernels.Operator.
func (Cast) Name() string { return "cast" }

// Infer implements kernels.Operator: (x) -> y of the same shape and type To, which x may not have already.
func (o Cast) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if _, err := unary(o.Name(), in); err != nil {
		return nil, err
	}
	if o.To != kernels.F32 && o.To != kernels.BF16 || o.To == in[0].DType {
		return nil, fmt.Errorf("cast: input is %s, no cast to %s: casts go from f32 to bf16 and back", in[0], o.To)
	}
	return []kernels.Spec{in[0].WithDType(o.To)}, nil
}

// Cost implements kernels.Operator.
func (Cast) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost { return flops(0, in, out) }

// Tolerance implements kernels.Operator.
func (Cast) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Why: "one rounding to nearest even, or none: equal in every bit"}
}

// Cases implements kernels.Operator. Roundings have no derivative: finite differences are not taken.
func (Cast) Cases() []kernels.Case {
	var list []kernels.Case
	for _, from := range []kernels.DType{kernels.F32, kernels.BF16} {
		to := kernels.BF16 - from
		add := func(name string, in kernels.Input) {
			s := *in.Spec
			s.DType = from
			list = append(list, kernels.Case{Name: fmt.Sprintf("%s to %s", name, to), Op: Cast{to},
				In: []kernels.Input{{Spec: &s, Fill: in.Fill, Lo: in.Lo, Hi: in.Hi}}, NoGrad: true})
		}
		add("odd", kernels.Randn(2, 3, 5, 7))
		add("dense", kernels.Randn(3, 7, 11, 16))
		add("pitch", kernels.RandnPitch(1, 3, 3, 10, 37))
		add("vector tail", kernels.RandnPitch(2, 3, 1, 19, 40))
		add("small and large", kernels.RandUniform(-3e38, 3e38, 1, 1, 9, 24))
		add("many rows of odd pitch", kernels.RandnPitch(2, 9, 15, 16, 19))
		add("one element", kernels.Randn(1, 1, 1, 1))
	}
	return list
}

// Grad implements kernels.Operator: the gradient is cast back.
func (Cast) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d, ok := grads(n, dout)
	if ok && need[0] {
		d[0] = castTo(b, dout[0], n.In[0].Spec.DType)
	}
	return d
}

// castTo returns v in type d: v itself where it has that type.
func castTo(b kernels.Builder, v kernels.Value, d kernels.DType) kernels.Value {
	if v.Spec.DType == d {
		return v
	}
	return kernels.Emit1(b, Cast{d}, v)
}
