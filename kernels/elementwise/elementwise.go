// Package elementwise holds the operators that touch each element once: activations, sums, products, copies, broadcasts,
// resampling; and the helpers that other families share: activation kinds, operand checks, row blocks.
package elementwise

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/simd"
)

// Kind is an activation function.
type Kind uint8

// The activations.
const (
	None Kind = iota
	SiLU      // x * sigmoid(x), also called swish
	GELU      // x * Phi(x) with the normal distribution function, the exact form
)

func (k Kind) String() string {
	switch k {
	case None:
		return "none"
	case SiLU:
		return "silu"
	case GELU:
		return "gelu"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Valid reports an error for an unknown activation.
func (k Kind) Valid() error {
	if k > GELU {
		return fmt.Errorf("unknown activation %s", k)
	}
	return nil
}

// Value returns the activation of x.
func (k Kind) Value(x float64) float64 {
	switch k {
	case SiLU:
		return x / (1 + math.Exp(-x))
	case GELU:
		return x * normalCDF(x)
	}
	return x
}

// Derivative returns the activation's derivative at x.
func (k Kind) Derivative(x float64) float64 {
	switch k {
	case SiLU:
		s := 1 / (1 + math.Exp(-x))
		return s + x*s*(1-s)
	case GELU:
		return normalCDF(x) + x*math.Exp(-0.5*x*x)/math.Sqrt(2*math.Pi)
	}
	return 1
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// Rows computes dst = activation(x) on c columns of each row.
func (k Kind) Rows(dst, x simd.Rows, rows, c int) {
	switch k {
	case SiLU:
		simd.SiLURows(dst, x, rows, c)
	case GELU:
		simd.GELURows(dst, x, rows, c)
	default:
		simd.CopyRows(dst, x, rows, c)
	}
}

// GradRows computes dst = dy * activation'(x) on c columns of each row.
func (k Kind) GradRows(dst, x, dy simd.Rows, rows, c int) {
	switch k {
	case SiLU:
		simd.SiLUGradRows(dst, x, dy, rows, c)
	case GELU:
		simd.GELUGradRows(dst, x, dy, rows, c)
	default:
		simd.CopyRows(dst, dy, rows, c)
	}
}

// Inputs checks the number of an operator's inputs: the first required are there, at most total are given, all are possible.
func Inputs(name string, in []*kernels.Spec, required, total int) error {
	if len(in) > total {
		return fmt.Errorf("%s: %d inputs given, takes at most %d", name, len(in), total)
	}
	for i := range required {
		if i >= len(in) || in[i] == nil {
			return fmt.Errorf("%s: input %d is missing, needs %d", name, i, required)
		}
	}
	for i, s := range in {
		if s == nil {
			continue
		}
		if err := s.Valid(); err != nil {
			return fmt.Errorf("%s: input %d: %w", name, i, err)
		}
	}
	return nil
}

// SameShapes checks that the given inputs (absent ones are skipped) have the first one's shape and type.
func SameShapes(name string, in ...*kernels.Spec) error {
	for i, s := range in[1:] {
		if s != nil && (!s.SameShape(*in[0]) || s.DType != in[0].DType) {
			return fmt.Errorf("%s: input %d is %s, expected the shape and type of input 0, %s", name, i+1, s, in[0])
		}
	}
	return nil
}

// PerImage checks that s holds one value of type d for each of n images.
func PerImage(name, what string, s *kernels.Spec, d kernels.DType, n int) error {
	if s.DType != d || s.N != n || s.H != 1 || s.W != 1 || s.C != 1 {
		return fmt.Errorf("%s: %s is %s, expected %s[%d,1,1,1]", name, what, s, d, n)
	}
	return nil
}

// Floats checks that the given inputs (absent ones are skipped) are not integers.
func Floats(name string, in ...*kernels.Spec) error {
	for i, s := range in {
		if s != nil && s.DType == kernels.I32 {
			return fmt.Errorf("%s: input %d is %s, expected a floating-point type", name, i, s)
		}
	}
	return nil
}

// F32Only is the Supports of the fast CPU kernels: they keep activations as float32 and do not round to bf16.
func F32Only(c *kernels.Call) error {
	for _, ops := range [2][]*kernels.Operand{c.In, c.Out} {
		for _, o := range ops {
			if o != nil && o.DType == kernels.BF16 {
				return fmt.Errorf("operand %s %s: the fast CPU kernels take f32 only", o.Name, o.Spec)
			}
		}
	}
	return nil
}

// Each calls fn for every element of a shape, in memory order.
func Each(s kernels.Spec, fn func(n, h, w, c int)) {
	for n := range s.N {
		for h := range s.H {
			for w := range s.W {
				for c := range s.C {
					fn(n, h, w, c)
				}
			}
		}
	}
}

// Tolerance is that of an operation of a few float32 roundings (bf16: one rounding of the result).
func Tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 1e-6, Rel: 1.0 / 128, Why: "one rounding to bf16, which a float32 rounding before it can turn to the other neighbour"}
	}
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "a few float32 roundings; polynomial exp and erf of about one unit in the last place"}
}

// flops is the cost of an operation of k FLOPs for each output element.
func flops(k float64, in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: k * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// like returns the dense spec of an output with the shape and type of s.
func like(s *kernels.Spec) []kernels.Spec { return []kernels.Spec{s.WithC(s.C)} }

// grads returns the gradients of n inputs, none set, and whether a gradient flows back to output 0.
func grads(n kernels.Node, dout []kernels.Value) ([]kernels.Value, bool) {
	return make([]kernels.Value, len(n.In)), len(dout) > 0 && dout[0].Ok()
}
