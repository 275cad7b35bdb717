// Package simd holds the vector loops and the matrix product of the fast CPU kernels: float32, AVX2 and FMA assembly where
// the processor has them (for the matrix product AVX-512 too; chosen once at start) and portable Go elsewhere. Both agree to
// about 1e-6 relative; each is deterministic: a result depends on the operands alone, sums are taken in a fixed order.
//
// Functions on slices work on the first len(dst) elements (len(x) for reductions); the other slices must be at least as
// long. Functions on Rows work on matrices whose rows lie Pitch elements apart and touch nothing outside the first c
// elements of each row. A destination may be one of the sources; otherwise overlapping operands are not allowed.
package simd

// Rows is a matrix: row r starts at Data[r*Pitch]. A Pitch of 0 repeats one row, which is how per-channel vectors are
// given to functions on Rows.
type Rows struct {
	Data  []float32
	Pitch int
}

// Row returns the matrix whose every row is x.
func Row(x []float32) Rows { return Rows{Data: x} }

// row returns the first c elements of row r.
func (m Rows) row(r, c int) []float32 { return m.Data[r*m.Pitch : r*m.Pitch+c] }

// check makes sure that rows of c elements fit in every operand, so that assembly never leaves a slice.
func check(rows, c int, operands ...Rows) bool {
	if rows <= 0 || c <= 0 {
		return false
	}
	for _, m := range operands {
		if len(m.Data) < (rows-1)*m.Pitch+c || m.Pitch < 0 {
			panic("simd: operand shorter than its rows")
		}
	}
	return true
}

// Add computes dst = a + b.
func Add(dst, a, b []float32) { AddRows(Row(dst), Row(a), Row(b), 1, len(dst)) }

// Sub computes dst = a - b.
func Sub(dst, a, b []float32) { LinearCombination(dst, 1, a, -1, b) }

// Mul computes dst = a * b.
func Mul(dst, a, b []float32) { MulRows(Row(dst), Row(a), Row(b), 1, len(dst)) }

// Scale computes dst = alpha * x.
func Scale(dst []float32, alpha float32, x []float32) {
	ScaleRows(Row(dst), alpha, Row(x), 1, len(dst))
}

// Axpy computes dst += alpha * x.
func Axpy(dst []float32, alpha float32, x []float32) {
	LinearCombination(dst, 1, dst, alpha, x)
}

// LinearCombination computes dst = alpha*a + beta*b.
func LinearCombination(dst []float32, alpha float32, a []float32, beta float32, b []float32) {
	LinearCombinationRows(Row(dst), alpha, Row(a), beta, Row(b), 1, len(dst))
}

// MulAdd computes acc += a * b.
func MulAdd(acc, a, b []float32) { MulAddRows(Row(acc), Row(a), Row(b), 1, len(acc)) }

// AddTo computes acc += x.
func AddTo(acc, x []float32) { AddRows(Row(acc), Row(acc), Row(x), 1, len(acc)) }

// AddSquares computes acc += x * x.
func AddSquares(acc, x []float32) { MulAddRows(Row(acc), Row(x), Row(x), 1, len(acc)) }

// Exp computes dst = exp(x).
func Exp(dst, x []float32) { ExpRows(Row(dst), Row(x), 1, len(dst)) }

// Sigmoid computes dst = 1 / (1 + exp(-x)).
func Sigmoid(dst, x []float32) { SigmoidRows(Row(dst), Row(x), 1, len(dst)) }

// SiLU computes dst = x * sigmoid(x).
func SiLU(dst, x []float32) { SiLURows(Row(dst), Row(x), 1, len(dst)) }

// SiLUGrad computes dst = dy * silu'(x), silu'(x) = s + x s (1 - s), s = sigmoid(x).
func SiLUGrad(dst, x, dy []float32) { SiLUGradRows(Row(dst), Row(x), Row(dy), 1, len(dst)) }

// GELU computes dst = x * Phi(x), Phi the normal distribution function (the exact form, by erf).
func GELU(dst, x []float32) { GELURows(Row(dst), Row(x), 1, len(dst)) }

// GELUGrad computes dst = dy * (Phi(x) + x phi(x)), phi the normal density.
func GELUGrad(dst, x, dy []float32) { GELUGradRows(Row(dst), Row(x), Row(dy), 1, len(dst)) }

// Affine computes dst = x*scale + shift, each element with its own scale and shift.
func Affine(dst, x, scale, shift []float32) {
	AffineRows(Row(dst), Row(x), Row(scale), Row(shift), 1, len(dst))
}

// AffineSiLU computes dst = silu(x*scale + shift).
func AffineSiLU(dst, x, scale, shift []float32) {
	AffineSiLURows(Row(dst), Row(x), Row(scale), Row(shift), 1, len(dst))
}

// AffineSiLUGrad computes dz = dy * silu'(x*scale + shift).
func AffineSiLUGrad(dz, x, scale, shift, dy []float32) {
	AffineSiLUGradRows(Row(dz), Row(x), Row(scale), Row(shift), Row(dy), 1, len(dz))
}
