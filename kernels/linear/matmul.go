package linear

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Matmul is the batched product c = Alpha op(a) op(b), op being the transposition that TransA and TransB ask for.
//
// Inputs: a (B,1,M,K), or (B,1,K,M) with TransA; b (B,1,K,N), or (B,1,N,K) with TransB; both f32 or both bf16. Output: c (B,1,M,N) of that type.
// Alpha must be finite and not zero.
type Matmul struct {
	TransA bool    `key:"TransA"`
	TransB bool    `key:"TransB"`
	Alpha  float64 `key:"Alpha"`
}

func init() {
	list := []kernels.Variant{
		kernels.Reference(matmulReference[float32], matmulReference[float64]),
		kernels.Func("cpu", 1, "blas", "BLAS products over batches and chunks of rows", elementwise.F32Only, nil, matmulCPU),
	}
	kernels.Register(Matmul{}, append(list, variants(matmulProduct, byShape, tile128, tile64, anyPitch)...)...)
}

// Name implements kernels.Operator.
func (Matmul) Name() string { return "matmul" }

// dims returns M, N and K; K is read from a.
func (op Matmul) dims(a, b *kernels.Spec) (m, n, k int) {
	m, k = a.W, a.C
	if op.TransA {
		m, k = k, m
	}
	n = b.C
	if op.TransB {
		n = b.W
	}
	return m, n, k
}

// Infer implements kernels.Operator.
func (op Matmul) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := required(op.Name(), in, 2, "a", "b"); err != nil {
		return nil, err
	}
	if op.Alpha == 0 || math.IsNaN(op.Alpha) || math.IsInf(op.Alpha, 0) {
		return nil, fmt.Errorf("matmul: Alpha is %v, expected a finite factor that is not zero", op.Alpha)
	}
	a, b := in[0], in[1]
	m, n, k := op.dims(a, b)
	kb := b.W
	if op.TransB {
		kb = b.C
	}
	if a.H != 1 || b.H != 1 || a.N != b.N || k != kb {
		return nil, fmt.Errorf("matmul: a is %s (transposed: %v) and b is %s (transposed: %v), expected (B,1,M,K) and (B,1,K,N) after transposition",
			a, op.TransA, b, op.TransB)
	}
	return []kernels.Spec{kernels.Dense(a.DType, a.N, 1, m, n)}, types(op.Name(), in, a.DType, a.DType)
}

// BF16Inputs implements kernels.MixedOperator: both.
func (Matmul) BF16Inputs() []int { return []int{0, 1} }

// Cost implements kernels.Operator.
func (op Matmul) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	_, _, k := op.dims(in[0], in[1])
	return productCost(float64(out[0].Elements())*float64(k), in, out)
}

// Tolerance implements kernels.Operator.
func (Matmul) Tolerance(d kernels.DType) kernels.Tol { return tolerance(d) }

// Grad implements kernels.Operator.
func (op Matmul) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	grads := make([]kernels.Value, len(n.In))
	x, y, g := n.In[0], n.In[1], dout[0]
	if !g.Ok() {
		return grads
	}
	if need[0] {
		if op.TransA {
			grads[0] = kernels.Emit1(b, Matmul{TransA: op.TransB, TransB: true, Alpha: op.Alpha}, y, g)
		} else {
			grads[0] = kernels.Emit1(b, Matmul{TransB: !op.TransB, Alpha: op.Alpha}, g, y)
		}
	}
	if need[1] {
		if op.TransB {
			grads[1] = kernels.Emit1(b, Matmul{TransA: true, TransB: op.TransA, Alpha: op.Alpha}, g, x)
		} else {
			grads[1] = kernels.Emit1(b, Matmul{TransA: !op.TransA, Alpha: op.Alpha}, x, g)
		}
	}
	return grads
}

// Cases implements kernels.Operator.
func (Matmul) Cases() []kernels.Case {
	r, p := kernels.Randn, kernels.RandnPitch
	c := func(name string, op Matmul, in ...kernels.Input) kernels.Case {
		return kernels.Case{Name: name, Op: op, In: in}
	}
	return []kernels.Case{
		c("one by one", Matmul{Alpha: 1}, r(1, 1, 1, 1), r(1, 1, 1, 1)),
		c("plain", Matmul{Alpha: 1}, r(2, 1, 3, 5), r(2, 1, 5, 7)),
		c("a transposed", Matmul{TransA: true, Alpha: 0.5}, r(2, 1, 5, 3), r(2, 1, 5, 7)),
		c("b transposed", Matmul{TransB: true, Alpha: -2}, r(3, 1, 3, 5), r(3, 1, 7, 5)),
		c("both transposed", Matmul{TransA: true, TransB: true, Alpha: 1}, r(1, 1, 5, 3), r(1, 1, 7, 5)),
		c("pitches", Matmul{Alpha: 1}, p(2, 1, 9, 6, 24), p(2, 1, 6, 10, 17)),
		c("pitches transposed", Matmul{TransA: true, TransB: true, Alpha: 1}, p(2, 1, 6, 9, 25), p(2, 1, 10, 6, 17)),
		large(c("ragged", Matmul{Alpha: -0.5}, r(2, 1, 45, 24), r(2, 1, 24, 19))),
		large(c("full tiles", Matmul{Alpha: 1}, r(1, 1, 130, 200), r(1, 1, 200, 136))),
		large(c("full tiles, a transposed", Matmul{TransA: true, Alpha: 1}, r(1, 1, 200, 130), r(1, 1, 200, 136))),
		large(c("full tiles, b transposed", Matmul{TransB: true, Alpha: 1}, r(1, 1, 130, 200), r(1, 1, 136, 200))),
		large(c("full tiles, both transposed", Matmul{TransA: true, TransB: true, Alpha: 1}, r(1, 1, 200, 130), r(1, 1, 136, 200))),
		large(c("several chunks of columns", Matmul{TransA: true, Alpha: 1}, r(1, 1, 65, 1100), r(1, 1, 65, 67))),
		large(c("several chunks", Matmul{TransB: true, Alpha: 0.125}, r(2, 1, 1100, 65), r(2, 1, 67, 65))),
	}
}
