// Package norm holds group normalisation with what follows it in a residual block (scale-shift, activation, dropout), and its
// gradient.
package norm

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// spec returns input i, nil where it is absent.
func spec(in []*kernels.Spec, i int) *kernels.Spec {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// operand returns operand i of a call, nil where it is absent.
func operand(ops []*kernels.Operand, i int) *kernels.Operand {
	if i < len(ops) {
		return ops[i]
	}
	return nil
}

// needed checks that the named inputs are there, valid and not integers; an empty name marks an optional one.
func needed(op string, in []*kernels.Spec, names ...string) error {
	if len(in) > len(names) {
		return fmt.Errorf("%s: %d inputs given, expected at most %d", op, len(in), len(names))
	}
	for i, name := range names {
		s := spec(in, i)
		if s == nil {
			if name != "" {
				return fmt.Errorf("%s: operand %s (input %d) is missing", op, name, i)
			}
			continue
		}
		if err := s.Valid(); err != nil {
			return fmt.Errorf("%s: input %d: %w", op, i, err)
		}
		if s.DType == kernels.I32 {
			return fmt.Errorf("%s: input %d is %s, expected f32 or bf16", op, i, s)
		}
	}
	return nil
}
