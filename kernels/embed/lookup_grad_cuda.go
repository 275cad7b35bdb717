package embed

import (
	"fmt"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	sumThreads    = 128
	vectorColumns = 4 // of one access
)

// sums is Sums of lookup_grad.cu.
type sums struct{ Images, Columns, IDsPitch, DyPitch, DtablePitch, Accumulate int32 }

func lookupGradVectorSupports(c *kernels.Call, _ kernels.Props) error {
	if !gpu.Aligned(vectorColumns, c.In[1], c.Out[0]) {
		return fmt.Errorf("%s %s: rows are not aligned to %d elements", c.In[1].Name, c.In[1].Spec, vectorColumns)
	}
	return nil
}

func lookupGradVector(q *gpu.Queue, c *kernels.Call) error {
	return runLookupGrad(q, c, "lookup_grad_vector_", vectorColumns)
}

func lookupGradAny(q *gpu.Queue, c *kernels.Call) error {
	return runLookupGrad(q, c, "lookup_grad_", 1)
}

func runLookupGrad(q *gpu.Queue, c *kernels.Call, kernel string, perThread int) error {
	ids, dy, dtable := c.In[0], c.In[1], c.Out[0]
	threads := min(sumThreads, gpu.Ceil(gpu.Ceil(dy.C, perThread), 32)*32)
	args := sums{Images: int32(dy.N), Columns: int32(dy.C), IDsPitch: int32(ids.Pitch), DyPitch: int32(dy.Pitch),
		DtablePitch: int32(dtable.Pitch), Accumulate: gpu.Accumulates(dtable)}
	return q.Launch(gpu.Launch{Module: "lookup_grad", Kernel: kernel + gpu.Suffix(dy.DType), Operands: gpu.Uses(c),
		Grid: cuda.Dim3{X: dtable.N, Y: gpu.Ceil(dy.C, perThread*threads)}, Block: cuda.Dim3{X: threads},
		Args: []any{q.State, args, gpu.Ptr(ids), gpu.Ptr(dy), gpu.Ptr(dtable)}})
}
