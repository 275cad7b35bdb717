// Package sample runs a sampler on a model: the chain of steps as programs of a machine, classifier-free guidance, batches.
package sample

import (
	"context"
	"fmt"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
	"github.com/unnoise/unnoise/kernels/rng"
)

// Denoiser emits the network's output for x (N,H,W,C) at times t (N,1,1,1).
type Denoiser func(g *graph.Graph, x, t kernels.Value) kernels.Value

// Chain is a sampler on a machine for batches of one size: a program that draws the start and one that takes a step.
type Chain struct {
	mach        exec.Executor
	plan        *diffusion.Plan
	spec        kernels.Spec
	state       string // the persistent buffer of x
	start, step exec.LoadedProgram
	guidance    float64 // the weight that steps find in their state
}

// ChainOptions are a chain's batch and network.
type ChainOptions struct {
	N, H, W, C int
	Denoise    Denoiser
	Guidance   float64 // weight of classifier-free guidance; other than 0 and 1 the denoiser is given the batch twice
}

// Hooks are what a chain calls; each may be nil.
type Hooks struct {
	Queued func(step int)                    // when a step has been queued; it does not wait for the step
	After  func(step int, x []float32) error // with x after each step; it must not keep the slice
}

// NewChain builds the programs of a sampling plan.
func NewChain(mach exec.Executor, plan *diffusion.Plan, o ChainOptions) (*Chain, error) {
	k := &Chain{mach: mach, plan: plan, spec: kernels.Dense(kernels.F32, o.N, o.H, o.W, o.C), guidance: o.Guidance}
	k.state = fmt.Sprintf("chain.x/%d,%d,%d,%d", o.N, o.H, o.W, o.C)
	g := graph.New()
	x := g.Persistent(k.state, k.spec)
	g.Assign(x, kernels.Emit1(g, rng.NormalDraw{N: o.N, H: o.H, W: o.W, C: o.C, Stream: rng.StreamID("x_T")}), false)
	p, err := g.Compile("start")
	if err != nil {
		return nil, err
	}
	if k.start, err = mach.Load(p); err != nil {
		return nil, err
	}
	if p, err = k.stepProgram(o.Denoise); err == nil {
		k.step, err = mach.Load(p)
	}
	if err != nil {
		_ = k.start.Close() // the first error is the one to tell
		return nil, err
	}
	return k, nil
}

// tables returns the specs of a plan's tables of timesteps and of coefficients.
func tables(plan *diffusion.Plan) (times, table kernels.Spec) {
	s := len(plan.Steps)
	return kernels.Dense(kernels.I32, s, 1, 1, 1), kernels.Dense(kernels.F32, s, 1, 1, update.UpdateColumns)
}

// timeTable declares a plan's table of timesteps.
func timeTable(g *graph.Graph, plan *diffusion.Plan) kernels.Value {
	ts, _ := tables(plan)
	return g.Persistent(tableName(plan, "t"), ts)
}

func (k *Chain) stepProgram(denoise Denoiser) (*graph.Program, error) {
	g := graph.New()
	g.Phase("sample")
	_, us := tables(k.plan)
	x := g.Persistent(k.state, k.spec)
	out := k.predict(g, x, denoise)
	g.Emit(update.ReverseUpdate{Clip: k.plan.Clip, Stream: rng.StreamID("z"), InPlace: true}, x, out,
		g.Persistent(tableName(k.plan, "update"), us))
	return g.Compile("sample")
}

// tableName is unique to the plan's length: each run of a chain writes its own tables over those of other plans.
func tableName(plan *diffusion.Plan, kind string) string {
	return fmt.Sprintf("chain.%s/%d", kind, len(plan.Steps))
}

func (k *Chain) writeTables() error {
	ts, us := tables(k.plan)
	times, table := make([]int32, ts.Span()), make([]float32, us.Span())
	for i, s := range k.plan.Steps {
		times[i*ts.Pitch] = int32(s.T)
		row := table[i*us.Pitch:]
		row[update.X0FromX], row[update.X0FromOut] = float32(s.X0FromX), float32(s.X0FromOut)
		row[update.C0], row[update.CX], row[update.Sigma] = float32(s.C0), float32(s.CX), float32(s.Sigma)
	}
	if err := k.mach.Persistent(tableName(k.plan, "t"), ts); err != nil { // a denoiser that does not read t leaves its table out
		return err
	}
	if err := k.mach.WriteInts(tableName(k.plan, "t"), 0, times); err != nil {
		return err
	}
	return k.mach.Write(tableName(k.plan, "update"), 0, table)
}

// Run draws samples base.. of a run, or denoises noise (N,H,W,C data) if it is not nil.
func (k *Chain) Run(ctx context.Context, seed uint64, base uint32, noise []float32, h Hooks) ([]float32, error) {
	if err := k.writeTables(); err != nil {
		return nil, err
	}
	state := &kernels.StepState{Seed: seed, SampleBase: base, LossScale: 1, Guidance: k.guidance}
	if noise == nil {
		if err := k.start.Run(state); err != nil {
			return nil, err
		}
	} else if err := k.write(noise); err != nil {
		return nil, err
	}
	for i := range k.plan.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		state.Step, state.ChainIndex = uint32(i), uint32(i)
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

func (k *Chain) write(data []float32) error {
	if len(data) != k.spec.Elements() {
		return fmt.Errorf("%d elements of noise for %s", len(data), k.spec)
	}
	buf := make([]float32, k.spec.Span())
	for r := range k.spec.Rows() {
		copy(buf[r*k.spec.Pitch:], data[r*k.spec.C:(r+1)*k.spec.C])
	}
	return k.mach.Write(k.state, 0, buf)
}

func (k *Chain) read() ([]float32, error) {
	buf := make([]float32, k.spec.Span())
	if err := k.mach.Read(k.state, 0, buf); err != nil {
		return nil, err
	}
	out := make([]float32, k.spec.Elements())
	for r := range k.spec.Rows() {
		copy(out[r*k.spec.C:(r+1)*k.spec.C], buf[r*k.spec.Pitch:])
	}
	return out, nil
}

// Start returns x_T of samples base.. of a run.
func (k *Chain) Start(seed uint64, base uint32) ([]float32, error) {
	if err := k.start.Run(&kernels.StepState{Seed: seed, SampleBase: base, LossScale: 1}); err != nil {
		return nil, err
	}
	return k.read()
}

// StepRunner returns the program that takes one step.
func (k *Chain) StepRunner() exec.LoadedProgram { return k.step }

// Close frees the programs.
func (k *Chain) Close() error {
	err := k.start.Close()
	if e := k.step.Close(); err == nil {
		err = e
	}
	return err
}
