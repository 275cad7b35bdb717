// Package linear holds dense layers and batched matrix products: linear, its two gradients, and matmul.
package linear

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// spec returns input i, nil where it is absent.
func spec(in []*kernels.Spec, i int) *kernels.Spec {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// required checks that the first len(names) inputs are there and not integers, and that there are at most limit inputs.
func required(op string, in []*kernels.Spec, limit int, names ...string) error {
	for i, name := range names {
		if spec(in, i) == nil {
			return fmt.Errorf("%s: operand %s (input %d) is missing", op, name, i)
		}
	}
	if len(in) > limit {
		return fmt.Errorf("%s: %d inputs given, expected at most %d", op, len(in), limit)
	}
	for i, s := range in {
		if s == nil {
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

// types checks the element types of the inputs that are there.
func types(op string, in []*kernels.Spec, want ...kernels.DType) error {
	for i, d := range want {
		if s := spec(in, i); s != nil && s.DType != d {
			return fmt.Errorf("%s: input %d is %s, expected %s", op, i, s, d)
		}
	}
	return nil
}

// cast returns v in another element type; an absent value stays absent.
func cast(b kernels.Builder, v kernels.Value, d kernels.DType) kernels.Value {
	if !v.Ok() || v.Spec.DType == d {
		return v
	}
	return kernels.Emit1(b, elementwise.Cast{To: d}, v)
}

// matrix checks that w is (rows,1,1,columns).
func matrix(op string, w *kernels.Spec) error {
	if w.H != 1 || w.W != 1 {
		return fmt.Errorf("%s: w is %s, expected a matrix (O,1,1,I)", op, w)
	}
	return nil
}

// tolerance is shared by the family: sums of products in another order.
func tolerance(d kernels.DType) kernels.Tol {
	if d == kernels.BF16 {
		return kernels.Tol{Abs: 1e-3, Rel: 1.0 / 128, Why: "one rounding to 8 significant bits on either side, and sums in another order before it"}
	}
	return kernels.Tol{Abs: 1e-4, Rel: 1e-5, Why: "float32 sums of up to 1500 products of standard normals, in the worst case one after the other: about sqrt(K)*sqrt(K)*2^-24 absolute"}
}

// operand returns operand i of a call, nil where it is absent.
func operand(ops []*kernels.Operand, i int) *kernels.Operand {
	if i < len(ops) {
		return ops[i]
	}
	return nil
}

// large marks a case that is there for its size: the small cases have every formula of it for finite differences.
func large(c kernels.Case) kernels.Case {
	c.NoGrad = true
	return c
}

// minChunkMACs is the least work worth handing to a worker: some 40 microseconds of the fastest BLAS, many times what packing its operands takes.
const minChunkMACs = 1 << 22

// maxChunks bounds the number of chunks a product is split into, so that no chunk is all packing.
const maxChunks = 32

// fewRows is the number of rows below which a product is split over its columns.
const fewRows = 32

// grain returns how many of n rows a chunk holds where each row costs macs multiply-adds: a multiple of 16 that depends on
// the shape alone.
func grain(n, macs int) int {
	g := max((minChunkMACs+macs-1)/macs, (n+maxChunks-1)/maxChunks)
	return (g + 15) / 16 * 16
}
