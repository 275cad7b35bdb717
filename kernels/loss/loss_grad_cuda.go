package loss

import (
	"github.com/unnoise/unnoise/cuda"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

const gradThreads = 256

// gradFactors is Factors of loss_grad.cu.
type gradFactors struct {
	Weight, Dmean          cuda.DevicePtr
	WeightPitch            int32
	Delta, OneOverElements float32
}

// runLossGrad launches a kernel for n items, at most so many a thread. The layout comes after n and the repetition in its arguments.
func runLossGrad(q *gpu.Queue, c *kernels.Call, kernel string, n, most int, layout any) error {
	l, pred, weight := c.Op.(LossGrad), c.In[0], gpu.In(c.In, 2)
	f := gradFactors{Weight: gpu.Ptr(weight), Dmean: gpu.Ptr(gpu.In(c.In, 3)), Delta: float32(l.Delta),
		OneOverElements: float32(1 / float64(pred.Elements()))}
	if weight != nil {
		f.WeightPitch = int32(weight.Pitch)
	}
	grid, repeat := gpu.Loop(n, gradThreads, most)
	return q.Launch(gpu.Launch{Module: "loss_grad", Kernel: kernel + l.Kind.String(), Grid: grid, Block: cuda.Dim3{X: gradThreads},
		Operands: gpu.Uses(c),
		Args:     []any{q.State, f, uint32(n), repeat, layout, gpu.Ptr(pred), gpu.Ptr(c.In[1]), gpu.Ptr(c.Out[0])}})
}

func lossGradVector(q *gpu.Queue, c *kernels.Call) error {
	x := c.In[0]
	return runLossGrad(q, c, "loss_grad_vector_", x.Elements()/4, 4, gpu.NewDivisor(x.H*x.W*x.C/4))
}

// gradRows is Rows of loss_grad.cu.
type gradRows struct {
	Channels             uint32
	ByChannels, ByPixels gpu.Divisor
	Pred, Target, Dpred  int32
}

func lossGradRows(q *gpu.Queue, c *kernels.Call) error {
	x := c.In[0]
	return runLossGrad(q, c, "loss_grad_", x.Elements(), 16, gradRows{Channels: uint32(x.C), ByChannels: gpu.NewDivisor(x.C),
		ByPixels: gpu.NewDivisor(x.H * x.W), Pred: int32(x.Pitch), Target: int32(c.In[1].Pitch), Dpred: int32(c.Out[0].Pitch)})
}
