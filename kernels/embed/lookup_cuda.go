package embed

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const copyThreads = 256

// copies is Copies of lookup.cu.
type copies struct {
	Total, Accesses                            uint32
	ByAccesses                                 gpu.Divisor
	Columns, IDsPitch, Rows, TablePitch, Pitch int32
}

func lookupSupports(c *kernels.Call, _ kernels.Props) error {
	if y := c.Out[0]; y.Elements() > math.MaxInt32 {
		return fmt.Errorf("%s %s: the kernels take at most %d elements", y.Name, y.Spec, math.MaxInt32)
	}
	return nil
}

func lookupVectorSupports(c *kernels.Call, p kernels.Props) error {
	if !gpu.Aligned(lanes(c.In[1].DType), c.In[1], c.Out[0]) {
		return fmt.Errorf("%s %s: rows are not 16-byte aligned", c.In[1].Name, c.In[1].Spec)
	}
	return lookupSupports(c, p)
}

// lanes is the number of elements in 16 bytes.
func lanes(d kernels.DType) int { return 16 / d.Size() }

func lookupVector(q *gpu.Queue, c *kernels.Call) error {
	return runLookup(q, c, "lookup_vector_", lanes(c.In[1].DType))
}

func lookupAny(q *gpu.Queue, c *kernels.Call) error { return runLookup(q, c, "lookup_", 1) }

func runLookup(q *gpu.Queue, c *kernels.Call, kernel string, perAccess int) error {
	ids, table, y := c.In[0], c.In[1], c.Out[0]
	accesses := gpu.Ceil(y.C, perAccess)
	args := copies{Total: uint32(y.N * accesses), Accesses: uint32(accesses), ByAccesses: gpu.NewDivisor(accesses), Columns: int32(y.C),
		IDsPitch: int32(ids.Pitch), Rows: int32(table.N), TablePitch: int32(table.Pitch), Pitch: int32(y.Pitch)}
	return q.Launch(gpu.Launch{Module: "lookup", Kernel: kernel + gpu.Suffix(y.DType), Operands: gpu.Uses(c),
		Grid: cuda.Dim3{X: gpu.Ceil(y.N*accesses, copyThreads)}, Block: cuda.Dim3{X: copyThreads},
		Args: []any{args, gpu.Ptr(ids), gpu.Ptr(table), gpu.Ptr(y)}})
}
