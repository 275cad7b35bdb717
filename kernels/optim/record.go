package optim

import (
	"fmt"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/gpu"
)

// The columns of Record's ring.
const (
	RecordLoss    = 0 // mean loss over the micro-batches of the step
	RecordNorm    = 1 // gradient norm before clipping
	RecordColumns = 2
)

// Record keeps the loss and the gradient norm of each step in a ring, so that the host need not look every step: row
// State.Step mod R of the ring becomes (loss * State.LossScale, norm).
//
// Inputs: loss f32 (1,1,1,1), the sum over micro-batches; norm f32 (1,1,1,1); ring f32 (R,1,1,2). Output: ring, in place.
type Record struct{}

func init() {
	kernels.Register(Record{}, kernels.Reference(recordReference[float32], recordReference[float64]),
		kernels.Func("cpu", 1, "scalar", "two numbers", nil, nil, func(_ kernels.Queue, c *kernels.Call) error {
			recordReference[float32](c)
			return nil
		}),
		gpu.Kernel(1, "single_thread", "one thread", nil, nil, recordCUDA))
}

func recordReference[T kernels.Float](c *kernels.Call) {
	ring := kernels.Out[T](c, 0)
	row := int(c.State.Step) % ring.N
	ring.Set(row, 0, 0, RecordLoss, kernels.In[T](c, 0).At(0, 0, 0, 0)*c.State.LossScale)
	ring.Set(row, 0, 0, RecordNorm, kernels.In[T](c, 1).At(0, 0, 0, 0))
}

// Name implements kernels.Operator.
func (Record) Name() string { return "record" }

// Alias implements kernels.InPlaceOperator.
func (Record) Alias(int) int { return 2 }

// Infer implements kernels.Operator.
func (op Record) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if len(in) != 3 || in[2] == nil {
		return nil, fmt.Errorf("takes a loss, a norm and a ring")
	}
	if err := expect(op.Name(), in[:2], operand{"loss", kernels.F32, 1}, operand{"norm", kernels.F32, 1}); err != nil {
		return nil, err
	}
	if r := in[2]; r.DType != kernels.F32 || r.H != 1 || r.W != 1 || r.C != RecordColumns {
		return nil, fmt.Errorf("ring %s: want f32 (R,1,1,%d)", r, RecordColumns)
	}
	return []kernels.Spec{*in[2]}, nil
}

// Cost implements kernels.Operator.
func (Record) Cost([]*kernels.Spec, []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 1, Bytes: 16}
}

// Tolerance implements kernels.Operator.
func (Record) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Rel: 1e-6, Why: "one product"}
}

// Grad implements kernels.Operator: records are not differentiated.
func (Record) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return noGradient(n)
}

// Cases implements kernels.Operator.
func (Record) Cases() []kernels.Case {
	var cases []kernels.Case
	for _, rows := range []int{1, 5} {
		cases = append(cases, kernels.Case{Name: fmt.Sprintf("ring of %d", rows), Op: Record{}, NoGrad: true,
			In:    []kernels.Input{scalar(0, 1), scalar(0, 1), kernels.Randn(rows, 1, 1, RecordColumns)},
			State: kernels.StepState{Step: 13, LossScale: 0.25}})
	}
	return cases
}
