package sample

import (
	"context"
	"fmt"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/sampler"
)

// Options is one request for samples.
type Options struct {
	N, Batch int            // Batch 0: all at once
	Seed     uint64         // sample i depends on (Seed, i) alone
	Noise    *model.Images  // x_T, N samples; nil: drawn
	Labels   []int32        // N class numbers for a network conditioned on classes
	Guidance float64        // weight of classifier-free guidance as in kernels/diffusion's Guidance; 0 is 1: the network as it is
	Table    *sampler.Table // nil: as the model's scheduler says
	// Z, if not nil, gives the noise of the steps that take some, in place of drawn noise; -1 is the start.
	Z func(first, step int, z *model.Images) error
	// After, if not nil, is called with the batch after each step; it must not keep it.
	After func(first, step int, x *model.Images) error
	// Step, if not nil, is called when a step of a batch has been queued; unlike After it does not wait for the step.
	Step func(first, step int)
}

// Draw draws samples of a model, in model units, unclipped.
func Draw(ctx context.Context, m *model.Model, mach exec.Executor, o Options) (*model.Images, error) {
	if err := o.check(m); err != nil {
		return nil, err
	}
	if err := m.LoadWeights(mach); err != nil {
		return nil, err
	}
	return DrawWith(ctx, m, mach, nn.WeightsBuffer, o)
}

// check fills what is left out and reports what the model cannot be asked for.
func (o *Options) check(m *model.Model) error {
	if o.N < 1 {
		return fmt.Errorf("%d samples: want at least 1", o.N)
	}
	if o.Batch < 1 || o.Batch > o.N {
		o.Batch = o.N
	}
	if err := m.Signature.Timesteps(); err != nil {
		return err
	}
	if o.Table == nil {
		var err error
		if o.Table, err = Table(m, Method{}); err != nil {
			return err
		}
	}
	if o.Noise != nil && (o.Noise.N != o.N || o.Noise.C != m.C) {
		return fmt.Errorf("noise of %d samples with %d channels: want %d with %d", o.Noise.N, o.Noise.C, o.N, m.C)
	}
	for _, c := range m.Signature.Conditions {
		if c.Kind != nn.ClassCondition {
			return fmt.Errorf("sampling a network conditioned on %s is not supported", c)
		}
	}
	if err := CheckGuidance(m, o.Guidance); err != nil {
		return err
	}
	return m.CheckConditions(model.Batch{X: &model.Images{N: o.N}, Labels: o.Labels})
}

// DrawWith is Draw with the weights of a persistent buffer that the machine already has.
func DrawWith(ctx context.Context, m *model.Model, mach exec.Executor, weights string, o Options) (*model.Images, error) {
	if err := o.check(m); err != nil {
		return nil, err
	}
	h, w := m.H, m.W
	if o.Noise != nil {
		h, w = o.Noise.H, o.Noise.W
	}
	if err := m.Signature.Fits(h, w); err != nil {
		return nil, err
	}
	if err := m.Round(mach, weights); err != nil {
		return nil, err
	}
	out := model.NewImages(o.N, h, w, m.C)
	chain, err := NewChain(mach, o.Table, ChainOptions{N: o.Batch, H: h, W: w, C: m.C, Denoise: denoiser(m, weights),
		Guidance: o.Guidance, GivenZ: o.Z != nil})
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	for lo := 0; lo < o.N; lo += o.Batch {
		if err := o.batch(ctx, chain, m.Signature.Labels().Null, lo, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// batch draws samples lo..; a short last batch is padded to the program's size and cut.
func (o *Options) batch(ctx context.Context, chain *Chain, null, lo int, out *model.Images) error {
	n, k := min(o.Batch, o.N-lo), out.H*out.W*out.C
	var noise []float32
	if o.Noise != nil {
		noise = make([]float32, o.Batch*k)
		copy(noise, o.Noise.Data[lo*k:(lo+n)*k])
	}
	if o.Labels != nil {
		if err := chain.StepRunner().SetInts("labels", o.batchLabels(null, lo)); err != nil {
			return err
		}
	}
	var h Hooks
	if o.After != nil {
		h.After = func(step int, x []float32) error {
			return o.After(lo, step, &model.Images{N: n, H: out.H, W: out.W, C: out.C, Data: x[:n*k]})
		}
	}
	if o.Z != nil {
		h.Z = func(step int, z []float32) error {
			return o.Z(lo, step, &model.Images{N: n, H: out.H, W: out.W, C: out.C, Data: z[:n*k]})
		}
	}
	if o.Step != nil {
		h.Queued = func(step int) { o.Step(lo, step) }
	}
	x, err := chain.Run(ctx, o.Seed, uint32(lo), noise, h)
	if err != nil {
		return err
	}
	copy(out.Data[lo*k:(lo+n)*k], x)
	return nil
}

// ModelChain builds the chain of a table for batches of n samples of the model's size and puts weights and tables on the machine.
func ModelChain(m *model.Model, mach exec.Executor, table *sampler.Table, n int) (*Chain, error) {
	if err := m.LoadWeights(mach); err != nil {
		return nil, err
	}
	chain, err := NewChain(mach, table, ChainOptions{N: n, H: m.H, W: m.W, C: m.C, Denoise: denoiser(m, nn.WeightsBuffer)})
	if err != nil {
		return nil, err
	}
	return chain, chain.writeTables()
}
