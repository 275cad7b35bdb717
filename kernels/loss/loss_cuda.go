package loss

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const (
	sumThreads  = 128
	meanThreads = 1024 // at most
	warpBits    = 5    // log2 of the lanes of a warp
)

// sampleParts is Parts of loss.cu.
type sampleParts struct {
	Total, Parts, Size, PartSize, LaneBits uint32
	ByParts                                gpu.Divisor
}

// partsOf cuts samples into parts of at most 512 elements, in large tensors 2048; perLane elements are one access of a lane.
func partsOf(s kernels.Spec, perLane int) sampleParts {
	size, part := s.H*s.W*s.C, 512
	if s.Elements() >= 1<<23 {
		part = 2048
	}
	parts := gpu.Ceil(size, part)
	return sampleParts{Total: uint32(s.N * parts), Parts: uint32(parts), Size: uint32(size), PartSize: uint32(part),
		LaneBits: laneBits(gpu.Ceil(min(size, part), perLane)), ByParts: gpu.NewDivisor(parts)}
}

// laneBits is log2 of the number of lanes that share n accesses.
func laneBits(n int) uint32 { return uint32(min(bits.Len(uint(n-1)), warpBits)) }

// elementsSupports is Supports of the kernels that count elements and lanes in 32 bits.
func elementsSupports(c *kernels.Call, _ kernels.Props) error {
	if x := c.In[0]; x.Elements() > math.MaxInt32 {
		return fmt.Errorf("%s %s: the kernels take at most %d elements", x.Name, x.Spec, math.MaxInt32)
	}
	return nil
}

// denseSupports is Supports of the kernels that take four contiguous elements of a sample at once.
func denseSupports(c *kernels.Call, p kernels.Props) error {
	for _, o := range []*kernels.Operand{c.In[0], c.In[1], c.Out[0]} {
		if o.SameShape(c.In[0].Spec) && (o.Pitch != o.C || o.Addr%16 != 0) || c.In[0].H*c.In[0].W*c.In[0].C%4 != 0 {
			return fmt.Errorf("%s %s: four elements of a sample are not 16 contiguous and aligned bytes", o.Name, o.Spec)
		}
	}
	return elementsSupports(c, p)
}

func lossScratch(perLane int) func(c *kernels.Call, _ kernels.Props) int64 {
	return func(c *kernels.Call, _ kernels.Props) int64 { return 4 * int64(partsOf(c.In[0].Spec, perLane).Total) }
}

func lossVector(q *gpu.Queue, c *kernels.Call) error {
	return runLoss(q, c, "loss_sum_vector_", partsOf(c.In[0].Spec, 4))
}

// lossRowsArgument is Rows of loss.cu.
type lossRowsArgument struct {
	Pixels, Channels uint32
	ByChannels       gpu.Divisor
	Pred, Target     int32
}

func lossRows(q *gpu.Queue, c *kernels.Call) error {
	x := c.In[0]
	rows := lossRowsArgument{Pixels: uint32(x.H * x.W), Channels: uint32(x.C), ByChannels: gpu.NewDivisor(x.C), Pred: int32(x.Pitch),
		Target: int32(c.In[1].Pitch)}
	return runLoss(q, c, "loss_sum_", partsOf(x.Spec, 1), rows)
}

// runLoss launches the sums of parts, then the means. The layout comes after the parts in the arguments of the first kernel.
func runLoss(q *gpu.Queue, c *kernels.Call, kernel string, p sampleParts, layout ...any) error {
	l, pred, target, weight := c.Op.(Loss), c.In[0], c.In[1], gpu.In(c.In, 2)
	mean, perSample := c.Out[0], c.Out[1]
	bytes := 4 * int64(p.Total)
	args := append(append([]any{p}, layout...), float32(l.Delta), gpu.Ptr(pred), gpu.Ptr(target), gpu.Ptr(c.Scratch))
	err := q.Launch(gpu.Launch{Module: "loss", Kernel: kernel + l.Kind.String(), Args: args,
		Grid: cuda.Dim3{X: gpu.Ceil(int(p.Total)<<p.LaneBits, sumThreads)}, Block: cuda.Dim3{X: sumThreads},
		Operands: []cuda.Operand{gpu.Use(pred, cuda.Read), gpu.Use(target, cuda.Read), gpu.UseBytes(c.Scratch, 0, bytes, cuda.Write)}})
	if err != nil {
		return err
	}
	operands := []cuda.Operand{gpu.UseBytes(c.Scratch, 0, bytes, cuda.Read), gpu.Use(mean, cuda.Write), gpu.Use(perSample, cuda.Write)}
	var weightPitch int32
	if weight != nil {
		operands = append(operands, gpu.Use(weight, cuda.Read))
		weightPitch = int32(weight.Pitch)
	}
	lanes := laneBits(int(p.Parts))
	threads := min(meanThreads, 32*gpu.Ceil(pred.N<<lanes, 32))
	return q.Launch(gpu.Launch{Module: "loss", Kernel: "loss_mean", Grid: cuda.Dim3{X: 1}, Block: cuda.Dim3{X: threads},
		Operands: operands, Args: []any{gpu.Ptr(c.Scratch), int32(pred.N), int32(p.Parts), int32(lanes),
			float32(p.Size), gpu.Ptr(weight), weightPitch, gpu.Ptr(mean), gpu.Ptr(perSample), int32(perSample.Pitch)}})
}
