package nn

import (
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
)

// Precision is the type of activations and of the matrices that they are multiplied with.
type Precision kernels.DType

// The precisions.
const (
	F32  = Precision(kernels.F32)
	BF16 = Precision(kernels.BF16)
)

// round returns a value in the type of activations.
func (p Precision) round(g *graph.Graph, v kernels.Value) kernels.Value {
	if p == BF16 && v.Ok() && v.Spec.DType == kernels.F32 {
		return kernels.Emit1(g, elementwise.Cast{To: kernels.BF16}, v)
	}
	return v
}
