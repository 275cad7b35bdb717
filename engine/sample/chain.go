// Package sample runs a sampler on a model: the chain of steps as programs of a machine, classifier-free guidance, batches.
package sample

import (
	"context"
	"errors"
	"fmt"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

// Denoiser emits the network's output for x (N,H,W,C) at times t (N,1,1,1).
type Denoiser func(g *graph.Graph, x, t kernels.Value) kernels.Value

// Chain is a sampler on a machine for batches of one size: programs that draw the start, scale it and take a step.
type Chain struct {
	mach     exec.Executor
	table    *sampler.Table
	spec     kernels.Spec
	guidance float64 // the weight that steps find in their state
	givenZ   bool
	start    exec.LoadedProgram
	begin    exec.LoadedProgram // nil where the state starts as the noise itself
	step     exec.LoadedProgram
}

// ChainOptions are a chain's batch and network.
type ChainOptions struct {
	N, H, W, C int
	Denoise    Denoiser
	Guidance   float64 // weight of classifier-free guidance; other than 0 and 1 the denoiser is given the batch twice
	GivenZ     bool    // the noise of steps comes from Hooks.Z and is not drawn
}

// Hooks are what a chain calls; each may be nil.
type Hooks struct {
	Queued func(step int)                    // when a step has been queued; it does not wait for the step
	After  func(step int, x []float32) error // with x after each step; it must not keep the slice
	Z      func(step int, z []float32) error // fills the noise of a step that takes some; -1 is the start
}

// NewChain builds the programs of a sampler's table.
func NewChain(mach exec.Executor, table *sampler.Table, o ChainOptions) (*Chain, error) {
	if err := table.Validate(); err != nil {
		return nil, err
	}
	k := &Chain{mach: mach, table: table, spec: kernels.Dense(kernels.F32, o.N, o.H, o.W, o.C), guidance: o.Guidance, givenZ: o.GivenZ}
	err := k.load(&k.start, k.startProgram)
	if err == nil && k.scaled() {
		err = k.load(&k.begin, k.beginProgram)
	}
	if err == nil {
		err = k.load(&k.step, func() (*graph.Program, error) { return k.stepProgram(o.Denoise) })
	}
	if err != nil {
		_ = k.Close() // the first error is the one to tell
		return nil, err
	}
	return k, nil
}

func (k *Chain) load(to *exec.LoadedProgram, build func() (*graph.Program, error)) error {
	p, err := build()
	if err == nil {
		*to, err = k.mach.Load(p)
	}
	return err
}

// Run draws samples base.. of a run, or denoises noise (N,H,W,C data) if it is not nil.
func (k *Chain) Run(ctx context.Context, seed uint64, base uint32, noise []float32, h Hooks) ([]float32, error) {
	if err := k.writeTables(); err != nil {
		return nil, err
	}
	if k.givenZ && h.Z == nil {
		return nil, errors.New("the chain was made for noise that is given, but no hook gives it")
	}
	state := &kernels.StepState{Seed: seed, SampleBase: base, LossScale: 1, Guidance: k.guidance}
	if err := k.setStart(state, noise, h); err != nil {
		return nil, err
	}
	for i := range k.table.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		state.Step, state.ChainIndex = uint32(i), uint32(i)
		if err := k.writeZ(i, k.table.Steps[i].Noise(), h); err != nil {
			return nil, err
		}
		if err := exec.RunContext(ctx, k.step, state); err != nil {
			return nil, err
		}
		if h.Queued != nil {
			h.Queued(i)
		}
		if h.After == nil {
			continue
		}
		x, err := k.read()
		if err != nil {
			return nil, err
		}
		if err := h.After(i, x); err != nil {
			return nil, err
		}
	}
	return k.read()
}

// setStart draws or writes the noise and scales it as the table says.
func (k *Chain) setStart(state *kernels.StepState, noise []float32, h Hooks) error {
	var err error
	if noise == nil {
		err = k.start.Run(state)
	} else {
		err = k.write(k.noiseName(), noise)
	}
	if err != nil || k.begin == nil {
		return err
	}
	if err := k.writeZ(-1, k.table.InitZ != 0, h); err != nil {
		return err
	}
	return k.begin.Run(state)
}

// writeZ writes the noise of a step that takes some, where it is given.
func (k *Chain) writeZ(step int, noisy bool, h Hooks) error {
	if !k.givenZ || !noisy {
		return nil
	}
	z := make([]float32, k.spec.Elements())
	if err := h.Z(step, z); err != nil {
		return err
	}
	return k.write(k.zName(), z)
}

// write fills a persistent buffer of x's shape.
func (k *Chain) write(name string, data []float32) error {
	if len(data) != k.spec.Elements() {
		return fmt.Errorf("%d elements of noise for %s", len(data), k.spec)
	}
	buf := make([]float32, k.spec.Span())
	for r := range k.spec.Rows() {
		copy(buf[r*k.spec.Pitch:], data[r*k.spec.C:(r+1)*k.spec.C])
	}
	return k.mach.Write(name, 0, buf)
}

func (k *Chain) read() ([]float32, error) { return k.readFrom(k.stateName()) }

func (k *Chain) readFrom(name string) ([]float32, error) {
	buf := make([]float32, k.spec.Span())
	if err := k.mach.Read(name, 0, buf); err != nil {
		return nil, err
	}
	out := make([]float32, k.spec.Elements())
	for r := range k.spec.Rows() {
		copy(out[r*k.spec.C:(r+1)*k.spec.C], buf[r*k.spec.Pitch:])
	}
	return out, nil
}

// Start returns the noise that samples base.. of a run start from.
func (k *Chain) Start(seed uint64, base uint32) ([]float32, error) {
	if err := k.start.Run(&kernels.StepState{Seed: seed, SampleBase: base, LossScale: 1}); err != nil {
		return nil, err
	}
	return k.readFrom(k.noiseName())
}

// StepRunner returns the program that takes one step.
func (k *Chain) StepRunner() exec.LoadedProgram { return k.step }

// Close frees the programs.
func (k *Chain) Close() error {
	var errs []error
	for _, p := range []exec.LoadedProgram{k.start, k.begin, k.step} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// drawn emits noise of the chain's shape from a stream.
func (k *Chain) drawn(g *graph.Graph, stream string) kernels.Value {
	return kernels.Emit1(g, rng.NormalDraw{N: k.spec.N, H: k.spec.H, W: k.spec.W, C: k.spec.C, Stream: rng.StreamID(stream)})
}
