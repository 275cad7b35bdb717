package train

import (
	"context"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/optim"
)

// Stepper takes the training steps of a recipe on an executor: a step is the forward and backward
// pass of each micro-batch, then the optimizer. The trainer, the benchmarks and the tests all drive
// steps with it.
type Stepper struct {
	Programs
	Executor exec.Executor

	compiled        []*graph.Program
	forwardBackward exec.LoadedProgram
	optimizerStep   exec.LoadedProgram
	inputs          *inputs
}

// Fill writes micro-batch m of step k (both from 0) to dst. dst.Labels is nil where the network takes none.
type Fill func(k, m int, dst data.Batch) error

// NewStepper compiles the programs of a step; Load puts them on the executor.
func NewStepper(p Programs, executor exec.Executor) (*Stepper, error) {
	compiled, err := p.Compile()
	return &Stepper{Programs: p, Executor: executor, compiled: compiled}, err
}

// Load puts programs and tables on the executor. Weights, their moving average and the moments are
// zero until they are written.
func (s *Stepper) Load() error {
	var err error
	if s.forwardBackward, err = s.Executor.Load(s.compiled[0]); err != nil {
		return err
	}
	if s.optimizerStep, err = s.Executor.Load(s.compiled[1]); err != nil {
		return err
	}
	s.inputs = s.newInputs(s.forwardBackward, s.Recipe.Train.MicroBatch)
	return s.Upload(s.Executor)
}

// Begin writes the model's weights as those of a run that begins, and their moving average.
func (s *Stepper) Begin() error {
	for _, name := range []string{nn.WeightsBuffer, nn.EMABuffer} {
		if err := s.Executor.Write(name, 0, s.Model.Weights); err != nil {
			return err
		}
	}
	return s.Model.Round(s.Executor, nn.WeightsBuffer)
}

// Step takes optimizer step k (from 0). When ctx ends before the weights are touched the step is
// given up, with ctx's error. A device may still be at work when Step returns.
func (s *Stepper) Step(ctx context.Context, k int, fill Fill) error {
	state := s.Recipe.State(k)
	for m := range s.Recipe.Train.MicroBatches {
		if err := s.load(&state, k, m, fill); err != nil {
			return err
		}
		if err := exec.RunContext(ctx, s.forwardBackward, &state); err != nil {
			return err
		}
	}
	return s.optimizerStep.Run(&state)
}

// load makes micro-batch m of step k the input, and state its scalars.
func (s *Stepper) load(state *kernels.StepState, k, m int, fill Fill) error {
	state.Micro, state.SampleBase = uint32(m), uint32(m*s.Recipe.Train.MicroBatch)
	return s.inputs.load(func(dst data.Batch) error { return fill(k, m, dst) })
}

// FirstNonFinite takes the forward and backward passes of step k operator by operator and names the
// first tensor that holds NaN or Inf, "" if there is none.
func (s *Stepper) FirstNonFinite(k int, fill Fill) (string, error) {
	state := s.Recipe.State(k)
	for m := range s.Recipe.Train.MicroBatches {
		if err := s.load(&state, k, m, fill); err != nil {
			return "", err
		}
		if name, err := s.forwardBackward.FirstNonFinite(&state); name != "" || err != nil {
			return name, err
		}
	}
	return "", nil
}

// StepRecord is what the optimizer noted of a step.
type StepRecord struct {
	Loss     float64
	GradNorm float64 // before clipping
}

// Finite reports whether the step may have changed the weights.
func (r StepRecord) Finite() bool { return finite(r.Loss) && finite(r.GradNorm) }

// Records reads what was noted of steps first..next-1 (from 0), the last train.log_every of which are kept.
func (s *Stepper) Records(first, next int) ([]StepRecord, error) {
	spec := s.ringSpec()
	ring := make([]float32, spec.Span())
	if err := s.Executor.Read(ringBuffer, 0, ring); err != nil {
		return nil, err
	}
	var list []StepRecord
	for k := first; k < next; k++ {
		row := ring[k%spec.N*spec.Pitch:]
		list = append(list, StepRecord{Loss: float64(row[optim.RecordLoss]), GradNorm: float64(row[optim.RecordNorm])})
	}
	return list, nil
}

// Bad reports whether a step had a loss or a gradient that is not finite; the weights have not changed since.
func (s *Stepper) Bad() (bool, error) {
	flag := make([]int32, 1)
	err := s.Executor.ReadInts(flagBuffer, 0, flag)
	return flag[0] != optim.FlagGood, err
}

// Memory returns the bytes of activations and scratch memory that a step uses.
func (s *Stepper) Memory() int64 { return max(s.forwardBackward.Memory(), s.optimizerStep.Memory()) }

// Cost is the least work of one micro-batch and an optimizer step.
func (s *Stepper) Cost() kernels.Cost {
	var c kernels.Cost
	for _, p := range s.compiled {
		c = c.Add(p.Cost())
	}
	return c
}

// Close frees the programs; the executor's buffers stay.
func (s *Stepper) Close() error {
	var first error
	for _, p := range []exec.LoadedProgram{s.forwardBackward, s.optimizerStep} {
		if p == nil {
			continue
		}
		if err := p.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// inputs are "x0" and "labels" of a loaded program.
type inputs struct {
	program exec.LoadedProgram
	spec    kernels.Spec // of x0
	labels  []int32      // nil: the network takes none
	staging []float32    // where the executor offers no memory of its own
}

func (p Programs) newInputs(program exec.LoadedProgram, n int) *inputs {
	in := &inputs{program: program, spec: p.spec(n)}
	if p.Model.Signature.Labels().Kind == nn.ClassCondition {
		in.labels = make([]int32, n)
	}
	return in
}

// load hands the memory of a batch to fill, the executor's own where it has such, and then the batch to the program.
func (in *inputs) load(fill func(dst data.Batch) error) error {
	view, err := in.program.InputView("x0")
	if err != nil {
		return err
	}
	dst := data.Batch{X: view, Pitch: in.spec.Pitch, Labels: in.labels}
	commit := func() error { return in.program.Commit("x0") }
	if view == nil {
		if in.staging == nil {
			in.staging = make([]float32, in.spec.Elements())
		}
		dst.X, dst.Pitch = in.staging, in.spec.C
		commit = func() error { return in.program.Set("x0", in.staging) }
	}
	if err := fill(dst); err != nil {
		return err
	}
	if err := commit(); err != nil || in.labels == nil {
		return err
	}
	return in.program.SetInts(nn.LabelsInput, in.labels)
}
