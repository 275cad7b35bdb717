package diffusion

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/elementwise"
	"github.com/unnoise/unnoise/kernels/gpu"
	"github.com/unnoise/unnoise/kernels/rng"
)

// LabelDropout replaces each label by Null with a probability, so that one network learns with and without labels (Ho and
// Salimans 2022, algorithm 1). The label of sample n is replaced where float32(Probability) exceeds the uniform number of the
// first word drawn for (State.Seed, State.SampleBase+n, State.Step, Stream).
type LabelDropout struct {
	Null        int     `key:"Null"`
	Probability float64 `key:"Probability"`
	Stream      uint32  `key:"-"`
}

func init() {
	kernels.Register(LabelDropout{}, kernels.Reference(labelDropoutReference, labelDropoutReference),
		kernels.Func("cpu", 1, "scalar", "the reference: a few words", nil, nil, func(_ kernels.Queue, c *kernels.Call) error {
			labelDropoutReference(c)
			return nil
		}),
		gpu.Kernel(1, "thread_per_label", "one thread a label", nil, nil, labelDropoutCUDA))
}

// Name implements kernels.Operator.
func (LabelDropout) Name() string { return "label_dropout" }

// Infer implements kernels.Operator: (labels I32 (N,1,1,1)) -> I32 (N,1,1,1).
func (o LabelDropout) Infer(in []*kernels.Spec) ([]kernels.Spec, error) {
	if err := elementwise.Inputs(o.Name(), in, 1, 1); err != nil {
		return nil, err
	}
	if err := elementwise.PerImage(o.Name(), "labels", in[0], kernels.I32, in[0].N); err != nil {
		return nil, err
	}
	if !(o.Probability >= 0 && o.Probability <= 1) || o.Null < 0 {
		return nil, fmt.Errorf("label_dropout: probability %g and null label %d, expected 0..1 and a label", o.Probability, o.Null)
	}
	return []kernels.Spec{kernels.Dense(kernels.I32, in[0].N, 1, 1, 1)}, nil
}

// Cost implements kernels.Operator.
func (LabelDropout) Cost(in []*kernels.Spec, out []kernels.Spec) kernels.Cost {
	return kernels.Cost{FLOPs: 60 * float64(out[0].Elements()), Bytes: kernels.IOBytes(in, out)}
}

// Tolerance implements kernels.Operator.
func (LabelDropout) Tolerance(kernels.DType) kernels.Tol {
	return kernels.Tol{Why: "integers are exact"}
}

// Cases implements kernels.Operator.
func (LabelDropout) Cases() []kernels.Case {
	state := kernels.StepState{Seed: 42, Step: 7, SampleBase: 1 << 20}
	drawn := rng.Uniform(rng.Philox4x32(rng.Counter(0, state.SampleBase, state.Step, 99), rng.Key(state.Seed))[0])
	labels := func(n int) []kernels.Input { return []kernels.Input{kernels.RandInts(0, 10, n, 1, 1, 1)} }
	return []kernels.Case{
		{Name: "a third", Op: LabelDropout{10, 1.0 / 3, 99}, State: state, In: labels(65), NoGrad: true},
		{Name: "several blocks", Op: LabelDropout{10, 0.5, 99}, State: state, In: labels(300), NoGrad: true},
		{Name: "a drawn number", Op: LabelDropout{10, float64(drawn), 99}, State: state, In: labels(1), NoGrad: true},
		{Name: "next to a drawn number", Op: LabelDropout{10, float64(math.Nextafter32(drawn, 1)), 99}, State: state, In: labels(1), NoGrad: true},
		{Name: "none", Op: LabelDropout{10, 0, 99}, State: state, In: labels(5), NoGrad: true},
		{Name: "all", Op: LabelDropout{10, 1, 99}, State: state, In: labels(3), NoGrad: true},
	}
}

// Grad implements kernels.Operator: integers have none.
func (LabelDropout) Grad(_ kernels.Builder, n kernels.Node, _ []kernels.Value, _ []bool) []kernels.Value {
	return make([]kernels.Value, len(n.In))
}
