// Package train trains networks: the training and evaluation programs, the loop with checkpoints,
// exact resume, held-out losses and samples.
package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/kernels"
)

// Options is a training run. The callbacks may be nil.
type Options struct {
	Recipe   *recipe.Recipe
	Out      string        // run directory
	Resume   bool          // continue from the last checkpoint of Out
	Executor exec.Executor // nil: this machine's processor
	DType    kernels.DType // of activations: F32, or on a device BF16

	// Init is a run, a checkpoint or a diffusers directory whose averaged weights the run begins with,
	// "" for random ones; a run that has a checkpoint continues that. InitPartial begins tensors of the
	// first and last layer and of the classes anew where their shapes differ.
	Init        string
	InitPartial bool

	OnStart      func(Start)    // before the first step
	OnPhase      func(Phase)    // when what the run is at changes, and after each step or part of it
	OnProgress   func(Progress) // each train.log_every steps
	OnEval       func(Evaluation)
	OnCheckpoint func(step int, dir string)
	OnSamples    func(step int, path string)
	OnWarning    func(text string) // trouble that does not end the run
}

// warn tells of trouble that does not end the run.
func (o Options) warn(format string, args ...any) {
	if o.OnWarning != nil {
		o.OnWarning(fmt.Sprintf(format, args...))
	}
}

// Progress is the state of a run at a step (from 1).
type Progress struct {
	Step, Steps      int
	Loss             float64 // mean since the last report
	GradNorm         float64 // of the last step, before clipping
	LearningRate     float64
	SamplesPerSecond float64
	Remaining        time.Duration
}

// Evaluation is the held-out loss of the averaged weights after a step: over all t, and by quartile
// of t from low to high noise.
type Evaluation struct {
	Step      int
	HeldOut   float64
	Quartiles [4]float64 // NaN where no draw fell
}

// Result is how a run ended.
type Result struct {
	Step       int
	Loss       float64
	Evaluation Evaluation
	Checkpoint string
	Model      *model.Model // with the averaged weights
}

// BadStepError is a step whose loss or gradient was not finite. A checkpoint of the state before it has been saved.
type BadStepError struct {
	Step       int
	Tensor     string // the first tensor that is not finite, "" if it could not be found
	Checkpoint string
}

func (e *BadStepError) Error() string {
	where := e.Tensor
	if where == "" {
		where = "the gradient norm, summed over finite gradients"
	}
	return fmt.Sprintf("step %d is not finite: first in %s. The state before it is saved in %s. Resumed, the run would take the same step again: look at its data, or begin another run with a lower train.learning_rate or train.max_grad_norm",
		e.Step, where, e.Checkpoint)
}

// trainer is a run under way.
type trainer struct {
	Options
	source      *source
	stepper     *Stepper
	out         *output
	checkpoints *checkpoints
	progress    *progress
	step        int    // optimizer steps taken
	after       []hook // act after a step, in this order
	ending      []hook // act after the last step
	recorders   []recorder
	result      Result
}

// Run trains until the recipe's total number of steps, or until ctx ends: then it saves a
// checkpoint and returns ctx's error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Recipe == nil || o.Out == "" {
		return nil, errors.New("a run needs a recipe and a directory: set Recipe and Out")
	}
	if o.Executor == nil {
		o.Executor = exec.NewCPU(exec.CPUOptions{})
	}
	t := &trainer{Options: o, out: &output{dir: o.Out, recipe: o.Recipe, warn: o.warn}}
	defer t.close()
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	if err := t.loop(ctx); err != nil {
		return nil, err
	}
	return t.end(ctx)
}

// close frees what a run has opened.
func (t *trainer) close() {
	if t.stepper != nil {
		t.stepper.Close()
	}
	t.out.closeFiles()
	if t.source != nil {
		t.source.set.Close()
	}
	t.out.lock.Close()
}

// prepare opens data, model and programs, and then the directory: a recipe that cannot be used leaves none behind.
func (t *trainer) prepare(ctx context.Context) error {
	if err := t.Recipe.Validate(); err != nil {
		return err
	}
	var err error
	if t.source, err = openSource(ctx, t.Options); err != nil {
		return err
	}
	channels, _, _ := t.source.train.Shape()
	if t.Recipe, err = t.Recipe.WithChannels(channels); err != nil {
		return err
	}
	t.out.recipe, t.source.recipe = t.Recipe, t.Recipe
	m, err := t.openModel()
	if err != nil {
		return err
	}
	if t.Init != "" {
		if err := t.takeWeights(m); err != nil {
			return err
		}
	}
	samples, err := newSamples(t, m)
	if err != nil {
		return err
	}
	if t.stepper, err = NewStepper(Programs{t.Recipe, m}, t.Executor); err != nil {
		return err
	}
	t.checkpoints = &checkpoints{t: t}
	if err := t.lockRun(); err != nil {
		return err
	}
	t.phase(PhaseLoading, 0, 0)
	if err := t.stepper.Load(); err != nil {
		return err
	}
	if err := t.checkpoints.restore(); err != nil {
		return err
	}
	if err := t.openRun(); err != nil {
		return err
	}
	if t.Init != "" && t.checkpoints.path == "" {
		if err := t.checkpoints.save(); err != nil { // so that an early end does not lose the weights
			return err
		}
	}
	if text := t.Recipe.HorizonWarning(); text != "" {
		t.warn("%s", text)
	}
	t.checkpoints.step = t.step
	t.progress = newProgress(t, time.Now)
	t.attach(samples)
	t.start()
	t.training()
	return nil
}

// openModel makes the model and verifies that its shape, its classes and its loss fit the data and the recipe.
func (t *trainer) openModel() (*model.Model, error) {
	m, err := t.Recipe.NewModel()
	if err != nil {
		return nil, err
	}
	c, h, w := t.source.train.Shape()
	if c != m.C || h != m.H || w != m.W {
		return nil, fmt.Errorf("%s holds samples of %dx%d with %d channels, the network takes %dx%d with %d: set network.sample_size and network.in_channels",
			t.Recipe.Data.Source, h, w, c, m.H, m.W, m.C)
	}
	if _, out := m.Net.Config().Channels(); out != m.C {
		return nil, fmt.Errorf("network.out_channels = %d: want %d, as many as the data have", out, m.C)
	}
	if err := m.Signature.Timesteps(); err != nil {
		return nil, err
	}
	if err := t.checkConditions(m.Signature.Conditions); err != nil {
		return nil, err
	}
	m.DType = t.DType
	if t.Recipe.Weighted() {
		if _, err := (Programs{t.Recipe, m}).weightTableData(); err != nil {
			return nil, fmt.Errorf("diffusion.objective: %w", err)
		}
	}
	return m, nil
}

// end lets the hooks act that belong to the end, and reads the averaged weights.
func (t *trainer) end(ctx context.Context) (*Result, error) {
	for _, h := range t.ending {
		if err := h.act(ctx); err != nil {
			return nil, err
		}
	}
	t.result.Step, t.result.Checkpoint = t.step, t.checkpoints.last()
	m := *t.stepper.Model
	m.Weights = make([]float32, m.Params.Size())
	t.result.Model = &m
	return &t.result, t.Executor.Read(nn.EMABuffer, 0, m.Weights)
}
