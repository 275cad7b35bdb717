// Package optim holds what follows the backward pass: the global gradient norm, the check for numbers that are not finite,
// and AdamW with an exponential moving average of the parameters.
package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
)

// operand is what an optimizer expects of one input: a row of elements of one type.
type operand struct {
	name  string
	dtype kernels.DType
	count int // 0: that of the first input
}

// expect checks inputs against a list; all of them are rows (1,1,1,count).
func expect(op string, in []*kernels.Spec, want ...operand) error {
	if len(in) != len(want) {
		return fmt.Errorf("%s: %d inputs given, expected %d", op, len(in), len(want))
	}
	for i, w := range want {
		s := in[i]
		if s == nil {
			return fmt.Errorf("%s: operand %s (input %d) is missing", op, w.name, i)
		}
		if err := s.Valid(); err != nil {
			return fmt.Errorf("%s: operand %s: %w", op, w.name, err)
		}
		count := w.count
		if count == 0 {
			count = in[0].C
		}
		if s.Rows() != 1 || s.C != count || s.DType != w.dtype {
			return fmt.Errorf("%s: operand %s is %s, expected %s[1,1,1,%d]", op, w.name, s, w.dtype, count)
		}
	}
	return nil
}

// noGradient is the gradient of operators that end a training step: none.
func noGradient(n kernels.Node) []kernels.Value { return make([]kernels.Value, len(n.In)) }

// flat is a row of p normal draws without gradient.
func flat(p int) kernels.Input { return kernels.Randn(1, 1, 1, p) }

// scalar is one number drawn from [lo, hi).
func scalar(lo, hi float64) kernels.Input { return kernels.RandUniform(lo, hi, 1, 1, 1, 1) }

// flagOf is a flag that holds x.
func flagOf(x int) kernels.Input { return kernels.RandInts(x, x+1, 1, 1, 1, 1) }
