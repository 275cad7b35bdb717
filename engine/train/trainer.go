// Package train trains networks: the training and evaluation programs, and the loop with checkpoints, exact resume, held-out losses and
// samples.
package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/engine/watch"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/optim"
)

// Options is a training run. The callbacks may be nil.
type Options struct {
	Recipe   *recipe.Recipe
	Out      string        // run directory
	Resume   bool          // continue from the last checkpoint of Out
	Executor exec.Executor // nil: this machine's processor
	DType    kernels.DType // of activations: F32, or on a device BF16

	OnProgress   func(Progress) // each train.log_every steps
	OnEval       func(Evaluation)
	OnCheckpoint func(step int, dir string)
	OnSamples    func(step int, path string)
	OnWarning    func(text string) // trouble that does not end the run
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

// Evaluation is the held-out loss of the averaged weights after a step: over all t, and by quartile of t from low to high noise.
type Evaluation struct {
	Step      int
	HeldOut   float64
	Quartiles [4]float64
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
	prog           Programs
	set            *data.Set
	train, heldOut data.Dataset
	loader         *data.Loader
	micro, finish  exec.LoadedProgram
	step           int // optimizer steps taken
	saved          int // step of the last checkpoint
	lock           *rundir.Lock
	vanished       bool            // the directory was made anew and lacks its recipe and metrics
	troubled       map[string]bool // kinds of files that could not be written last time
	metrics        *rundir.Metrics
	watch          *watch.Writer // nil: no event files
	x0             []float32
	labels         []int32
	table          *sampler.Table // of the samples drawn along the way
	result         Result
	now            func() time.Time
	began          time.Time
	first          int // step at which this process began
	logged         int // step of the last report
}

// Run trains until the recipe's total number of steps, or until ctx ends: then it saves a checkpoint and returns ctx's error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Recipe == nil || o.Out == "" {
		return nil, errors.New("a run needs a recipe and a directory: set Recipe and Out")
	}
	if o.Executor == nil {
		o.Executor = exec.NewCPU(exec.CPUOptions{})
	}
	t := &trainer{Options: o, now: time.Now}
	defer t.closeFiles()
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	defer t.micro.Close()
	defer t.finish.Close()
	if err := t.loop(ctx); err != nil {
		return nil, err
	}
	return t.end(ctx)
}

// closeFiles closes what a run has opened.
func (t *trainer) closeFiles() {
	t.metrics.Close()
	t.watch.Close()
	if t.set != nil {
		t.set.Close()
	}
	t.lock.Close()
}

// prepare opens data, model and programs, and then the directory: a recipe that cannot be used leaves none behind.
func (t *trainer) prepare(ctx context.Context) error {
	if err := t.Recipe.Validate(); err != nil {
		return err
	}
	if err := t.openData(ctx); err != nil {
		return err
	}
	if err := t.openModel(); err != nil {
		return err
	}
	micro, err := t.prog.Micro()
	if err != nil {
		return err
	}
	finish, err := t.prog.Finish()
	if err != nil {
		return err
	}
	if err := t.openRun(); err != nil {
		return err
	}
	if t.micro, err = t.Executor.Load(micro); err != nil {
		return err
	}
	if t.finish, err = t.Executor.Load(finish); err != nil {
		return err
	}
	if err := t.upload(); err != nil {
		return err
	}
	t.began, t.first, t.logged, t.saved = t.now(), t.step, t.step, t.step
	return nil
}

// openModel makes the model and holds it to the data.
func (t *trainer) openModel() error {
	m, err := t.Recipe.NewModel()
	if err != nil {
		return err
	}
	c, h, w := t.train.Shape()
	if c != m.C || h != m.H || w != m.W {
		return fmt.Errorf("%s holds samples of %dx%d with %d channels, the network takes %dx%d with %d: set network.sample_size and network.in_channels",
			t.Recipe.Data.Source, h, w, c, m.H, m.W, m.C)
	}
	if _, out := m.Net.Config().Channels(); out != m.C {
		return fmt.Errorf("network.out_channels = %d: want %d, as many as the data have", out, m.C)
	}
	if err := m.Signature.Timesteps(); err != nil {
		return err
	}
	for _, k := range m.Signature.Conditions {
		switch {
		case k.Name != nn.LabelsInput:
			return fmt.Errorf("the network is conditioned on %s, which %s does not have", k, t.Recipe.Data.Source)
		case k.Kind != nn.ClassCondition || t.train.Classes() == 0:
			return fmt.Errorf("the network is conditioned on labels that %s does not have", t.Recipe.Data.Source)
		}
		if err := t.checkClasses(k); err != nil {
			return err
		}
	}
	m.DType = t.DType
	t.prog = Programs{t.Recipe, m}
	if t.table, err = sample.Table(m, t.Recipe.Sampler()); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if t.Recipe.Weighted() {
		if _, err := t.prog.weightTableData(); err != nil {
			return fmt.Errorf("diffusion.objective: %w", err)
		}
	}
	n := t.Recipe.Train.MicroBatch
	t.x0, t.labels = make([]float32, n*data.SampleSize(t.train)), make([]int32, n)
	return nil
}

// window is what the ring of losses says about the steps since the last report.
type window struct {
	loss float64 // mean
	norm float64 // of the last step
}

// inspect reads the ring of losses and looks for a bad step.
func (t *trainer) inspect() (window, error) {
	var w window
	spec := t.prog.ringSpec()
	ring := make([]float32, spec.Span())
	if err := t.Executor.Read(ringBuffer, 0, ring); err != nil {
		return w, err
	}
	flag := make([]int32, 1)
	if err := t.Executor.ReadInts(flagBuffer, 0, flag); err != nil {
		return w, err
	}
	for k := t.logged; k < t.step; k++ {
		row := ring[k%spec.N*spec.Pitch:]
		l := float64(row[optim.RecordLoss])
		w.norm = float64(row[optim.RecordNorm])
		if flag[0] != optim.FlagGood && (!finite(l) || !finite(w.norm)) {
			return w, t.badStep(k)
		}
		w.loss += l / float64(t.step-t.logged)
	}
	return w, nil
}

// report writes a line of metrics about the steps since the last report.
func (t *trainer) report() error {
	if t.step == t.logged {
		return nil
	}
	w, err := t.inspect()
	if err != nil {
		return err
	}
	t.logged, t.result.Loss = t.step, w.loss
	p := Progress{Step: t.step, Steps: t.Recipe.Train.Steps, Loss: w.loss, GradNorm: w.norm, LearningRate: t.Recipe.Rate(t.step - 1)}
	t.pace(&p)
	if t.OnProgress != nil {
		t.OnProgress(p)
	}
	if err := t.watchProgress(p); err != nil {
		if err := t.endWatch(err); err != nil {
			return err
		}
	}
	return t.tolerate("metrics", t.metrics.Append(p.line()))
}

// pace fills in the speed and the time left. Clocks that stand still or are set back give 0, never a number that cannot be written.
func (t *trainer) pace(p *Progress) {
	seconds, steps := t.now().Sub(t.began).Seconds(), float64(t.step-t.first)
	if seconds <= 0 || steps <= 0 {
		return
	}
	p.SamplesPerSecond = steps * float64(t.Recipe.Train.MicroBatch*t.Recipe.Train.MicroBatches) / seconds
	left := float64(p.Steps-p.Step) * seconds / steps
	p.Remaining = time.Duration(min(left, maxRemaining.Seconds()) * float64(time.Second))
}

// maxRemaining bounds what is said of the time left.
const maxRemaining = 100 * 365 * 24 * time.Hour

// badStep runs step k again, operator by operator, to name the first bad tensor, and saves the state: the weights have not
// changed since that step began.
func (t *trainer) badStep(k int) error {
	e := &BadStepError{Step: k + 1}
	state := t.Recipe.State(k)
	for m := range t.Recipe.Train.MicroBatches {
		state.Micro, state.SampleBase = uint32(m), uint32(m*t.Recipe.Train.MicroBatch)
		if err := t.feed(k, m); err != nil {
			return err
		}
		name, err := t.micro.FirstNonFinite(&state)
		if err != nil {
			return err
		}
		if name != "" {
			e.Tensor = name
			break
		}
	}
	t.step = k
	if err := t.save(); err != nil {
		return err
	}
	e.Checkpoint = t.result.Checkpoint
	if err := t.metrics.Append(e.line()); err != nil {
		return err
	}
	return e
}

// end evaluates, samples and draws the loss curve.
func (t *trainer) end(ctx context.Context) (*Result, error) {
	if err := t.evaluate(ctx); err != nil {
		return nil, err
	}
	if err := t.tolerate("samples", t.samples(ctx)); err != nil {
		return nil, err
	}
	if err := t.tolerate("curve", drawCurve(filepath.Join(t.Out, rundir.CurveFile), t.metrics.Lines())); err != nil {
		return nil, err
	}
	t.result.Step = t.step
	if t.result.Checkpoint == "" {
		t.result.Checkpoint = filepath.Join(t.Out, checkpoint.CheckpointsDir, checkpoint.StepName(t.step))
	}
	m := *t.prog.Model
	m.Weights = make([]float32, m.Params.Size())
	t.result.Model = &m
	return &t.result, t.Executor.Read(nn.EMABuffer, 0, m.Weights)
}

// upload puts the state on the machine: tables, weights, moments.
func (t *trainer) upload() error {
	flat := kernels.Vector(kernels.F32, t.prog.Model.Params.Size())
	for _, b := range []string{nn.WeightsBuffer, nn.EMABuffer, momentBuffer, varianceBuffer} {
		if err := t.Executor.Persistent(b, flat); err != nil {
			return err
		}
	}
	if err := t.prog.Upload(t.Executor); err != nil {
		return err
	}
	if err := t.restore(); err != nil {
		return err
	}
	return t.prog.Model.Round(t.Executor, nn.WeightsBuffer)
}

// makeDir makes a directory of the run.
func (t *trainer) makeDir(name string) (string, error) {
	if err := t.present(); err != nil {
		return "", err
	}
	dir := filepath.Join(t.Out, name)
	return dir, os.MkdirAll(dir, 0o777)
}
