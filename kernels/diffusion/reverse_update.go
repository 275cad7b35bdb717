package diffusion

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// ReverseUpdate is one step of any sampler in one pass, as the row State.ChainIndex of the table says:
//
//	x_0    = X0FromX x + X0FromOut out, clamped to [-Clip, Clip] where Clip > 0, or with limits s to [-s, s] and divided by s
//	x_prev = C0 x_0 + CX x + Sigma z + COut out + sum_k H_k history_k
//
// Ancestral sampling (Ho et al. 2020, equations 7 and 15), DDIM (Song, Meng and Ermon 2021, equation 12) and every multistep or
// multistage method are such rows. The history is a number of slots that keep earlier values of x's shape: a row may write
// up to two of them, each with a combination of the same kind. All combinations read the slots as they were before the step. Only
// slots with a coefficient that is not 0 are read, only slots that the row names are written; a row writes neither z nor out
// into a combination whose coefficient for it is 0.
//
// z is given, or drawn as rng.NormalDraw draws it where a coefficient of it is not 0. InPlace writes x_prev over x. In place, with a
// history or with limits there is no gradient. A chain index outside the table gives NaN in the reference, writes no slot, and is an
// error in the fast kernel.
type ReverseUpdate struct {
	Clip    float64 `key:"Clip"`
	Stream  uint32  `key:"-"`
	InPlace bool    `key:"InPlace"`
}

// The columns of ReverseUpdate's table. The coefficients of the slots in x_prev follow, then for each of the two writes C0, CX, Sigma and
// COut in this order and the coefficients of the slots: Column says where.
const (
	X0FromX = iota
	X0FromOut
	C0
	CX
	Sigma
	COut
	Write1 // the slot that is written, counted from 1; 0: none
	Write2
	UpdateColumns // without history
)

// MaxSlots is the most slots a history has.
const MaxSlots = 6

// UpdateWidth returns the number of columns of the table of a history of so many slots.
func UpdateWidth(slots int) int {
	if slots == 0 {
		return UpdateColumns
	}
	return Column(3, slots)
}

// Column returns where a combination's coefficients begin in a row, in the order of C0, CX, Sigma, COut: 0 is x_prev, 1 and 2 are the writes.
func Column(combination, slots int) int {
	if combination == 0 {
		return C0
	}
	return UpdateColumns + slots + (combination-1)*(4+slots)
}

// SlotColumn returns the column of a combination's coefficient of a slot (from 0).
func SlotColumn(combination, slot, slots int) int {
	if combination == 0 {
		return UpdateColumns + slot
	}
	return Column(combination, slots) + 4 + slot
}

// The positions of ReverseUpdate's optional inputs.
const (
	inZ       = 3
	inHistory = 4
	inLimit   = 5
)

func init() {
	kernels.Register(ReverseUpdate{},
		kernels.Reference(reverseUpdateReference[float32], reverseUpdateReference[float64]),
		kernels.Func("cpu", 1, "samples", "whole samples a task: draw, then one pass", elementwise.F32Only, reverseUpdateWorkspace, reverseUpdateCPU),
		gpu.Kernel(1, "vector", "rows without pads: 16-byte accesses, z in registers", reverseUpdateVectorSupports, nil, reverseUpdateVector),
		gpu.Kernel(2, "any_pitch", "any pitch: neighbouring lanes access neighbouring elements", groupsSupports, nil, reverseUpdateRows))
}

// Name implements kernels.Operator.
func (ReverseUpdate) Name() string { return "reverse_update" }

// Alias implements kernels.InPlaceOperator.
func (o ReverseUpdate) Alias(i int) int {
	switch {
	case i == 1:
		return inHistory
	case o.InPlace:
		return 0
	}
	return -1
}

// Infer implements kernels.Operator: (x F32 (N,H,W,C), out, table F32 (S,1,1,UpdateWidth(K)), z?, history? F32 (K N,H,W,C),
// limit? F32 (N,1,1,1)) -> (xprev, history? in place).
func (o ReverseUpdate) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 3, 6); err != nil {
		return nil, err
	}
	x, history, limit := in[0], specAt(in, inHistory), specAt(in, inLimit)
	slots := 0
	if history != nil {
		if slots = history.N / x.N; history.DType != kernels.F32 || slots < 1 || slots > MaxSlots || history.N != slots*x.N ||
			history.H != x.H || history.W != x.W || history.C != x.C {
			return nil, fmt.Errorf("%s: history is %s, expected 1 to %d times the batch of %s", o.Name(), history, MaxSlots, x)
		}
	}
	if err := updateOperands(o.Name(), x, in[1], in[2], slots); err != nil {
		return nil, err
	}
	if z := specAt(in, inZ); z != nil {
		if err := elementwise.SameShapes("reverse_update: z", x, z); err != nil {
			return nil, err
		}
	}
	if limit != nil && (limit.DType != kernels.F32 || limit.N != x.N || limit.H != 1 || limit.W != 1 || limit.C != 1) {
		return nil, fmt.Errorf("%s: limit is %s, expected f32[%d,1,1,1]", o.Name(), limit, x.N)
	}
	out := []kernels.Spec{x.WithC(x.C)}
	if o.InPlace {
		out[0] = *x
	}
	if history != nil {
		out = append(out, *history)
	}
	return out, nil
}

func specAt(in []*kernels.Spec, i int) *kernels.Spec {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// updateOperands checks state, network output and the table of a history of so many slots.
func updateOperands(name string, x, out, table *kernels.Spec, slots int) error {
	if x.DType != kernels.F32 {
		return fmt.Errorf("%s: state is %s, expected f32", name, x)
	}
	if err := elementwise.SameShapes(name, x, out); err != nil {
		return err
	}
	if table.DType != kernels.F32 || table.H != 1 || table.W != 1 || table.C != UpdateWidth(slots) {
		return fmt.Errorf("%s: table is %s, expected f32[S,1,1,%d] for a history of %d slots", name, table, UpdateWidth(slots), slots)
	}
	return nil
}

// Cost implements kernels.Operator. What of the history is read and written the table's rows decide: one slot each is counted.
func (ReverseUpdate) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	perElement := 9.0
	if specAt(in, inZ) == nil {
		perElement += 20 // drawing z
	}
	bytes := kernels.IOBytes(in, out[:1])
	if h := specAt(in, inHistory); h != nil {
		perElement += 8
		bytes += 2*float64(in[0].Bytes()) - float64(h.Bytes())
	}
	return kernels.Cost{FLOPs: perElement * float64(out[0].Elements()), Bytes: bytes}
}

// Tolerance implements kernels.Operator.
func (ReverseUpdate) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Abs: 1e-6, Rel: 1e-6, Why: "a few float32 roundings; the drawn noise is equal in every bit"}
}

// Grad implements kernels.Operator.
func (o ReverseUpdate) Grad(b kernels.Builder, n kernels.Node, dout []kernels.Value, need []bool) []kernels.Value {
	d := make([]kernels.Value, len(n.In))
	if !dout[0].Ok() || o.InPlace || len(n.In) > inHistory {
		return d
	}
	g := b.Emit(ReverseUpdateGrad{Clip: o.Clip}, n.In[0], n.In[1], n.In[2], dout[0])
	for from, to := range []int{0, 1, inZ} {
		if from < len(g) && to < len(need) && need[to] {
			d[to] = g[from]
		}
	}
	return d
}
