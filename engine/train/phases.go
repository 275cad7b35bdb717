package train

import (
	"context"

	"github.com/unnoise/unnoise/engine/recipe"
)

// Start is what a run is about to do, as far as the engine knows it.
type Start struct {
	Recipe         *recipe.Recipe
	Out            string
	Device, DType  string
	Network        string // its class
	Parameters     int
	Kind           string // of the data
	Train, HeldOut int    // samples
	Classes        int    // 0: the samples carry none
	FirstStep      int    // from 1
}

// The phases of a run.
const (
	PhaseLoading    = "loading programs"
	PhaseTraining   = "training"
	PhaseEvaluation = "held-out loss"
	PhaseSamples    = "drawing samples"
	PhaseCheckpoint = "saving a checkpoint"
	PhaseCurve      = "drawing the loss curve"
)

// Phase is what a run is at: Done of Total parts of it, 0 of 0 where it has none to count.
type Phase struct {
	Name        string
	Done, Total int
}

// phase says what the run is at.
func (t *trainer) phase(name string, done, total int) {
	if t.OnPhase != nil {
		t.OnPhase(Phase{Name: name, Done: done, Total: total})
	}
}

// training says that the steps are what the run is at.
func (t *trainer) training() { t.phase(PhaseTraining, t.step, t.Recipe.Train.Steps) }

// inPhase wraps a hook in a phase.
func (t *trainer) inPhase(name string, act func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		t.phase(name, 0, 0)
		defer t.training()
		return act(ctx)
	}
}

// start describes the run once it is ready to take its first step.
func (t *trainer) start() {
	if t.OnStart == nil {
		return
	}
	m := t.stepper.Model
	t.OnStart(Start{Recipe: t.Recipe, Out: t.Out, Device: t.Executor.Name(), DType: t.DType.String(),
		Network: m.Net.Config().ClassName(), Parameters: parameters(m.Params.All()), Kind: t.source.set.Kind,
		Train: t.source.train.Len(), HeldOut: t.source.heldOut.Len(), Classes: t.source.train.Classes(), FirstStep: t.step + 1})
}

// parameters counts the elements of a network's tensors, without pads.
func parameters[P interface{ Elements() int }](all []P) int {
	n := 0
	for _, p := range all {
		n += p.Elements()
	}
	return n
}
