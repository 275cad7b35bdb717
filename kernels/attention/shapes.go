package attention

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// operands checks that exactly the named inputs are there, valid and not integers.
func operands(op string, in []*kernels.Spec, names ...string) error {
	if len(in) != len(names) {
		return fmt.Errorf("%s: %d inputs given, expected %d: %v", op, len(in), len(names), names)
	}
	for i, s := range in {
		if s == nil {
			return fmt.Errorf("%s: operand %s (input %d) is missing", op, names[i], i)
		}
		if err := s.Valid(); err != nil {
			return fmt.Errorf("%s: operand %s: %w", op, names[i], err)
		}
		if s.DType == kernels.I32 {
			return fmt.Errorf("%s: operand %s is %s, expected f32 or bf16", op, names[i], s)
		}
	}
	return nil
}

// tolerance is shared by both operators.
func tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 2e-2, Rel: 1.0 / 64, Why: "the saved output and the result are rounded to 8 significant bits"}
	}
	return kernels.Tol{Abs: 3e-5, Rel: 3e-5, Why: "float32 scores of a few units turn into relative errors of the weights of about 1e-6, summed over the keys"}
}

// large marks a case that is there for its size: the small cases have every formula of it for finite differences.
func large(c kernels.Case) kernels.Case {
	c.NoGrad = true
	return c
}
