package train

import (
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
	"github.com/unnoise/unnoise/kernels/embed"
	"github.com/unnoise/unnoise/kernels/loss"
	"github.com/unnoise/unnoise/kernels/optim"
	"github.com/unnoise/unnoise/kernels/rng"
)

// The persistent buffers of training, beside the weights, their moving average and the gradients.
const (
	momentBuffer   = "adam_m"
	varianceBuffer = "adam_v"
	lossBuffer     = "loss"
	normBuffer     = "grad_norm"
	flagBuffer     = "bad_step"
	ringBuffer     = "record"
	noiseTable     = "noising"
	weightTable    = "loss_weights"
)

// Programs builds the programs of a recipe for a model.
type Programs struct {
	Recipe *recipe.Recipe
	Model  *model.Model
}

func (p Programs) spec(n int) kernels.Spec {
	return kernels.Dense(kernels.F32, n, p.Model.H, p.Model.W, p.Model.C)
}

func (p Programs) noiseSpec() kernels.Spec {
	return kernels.Dense(kernels.F32, p.Model.Process.Timesteps(), 1, 1, 4)
}

func (p Programs) weightSpec() kernels.Spec {
	return kernels.Dense(kernels.F32, p.Model.Process.Timesteps(), 1, 1, 1)
}

// inputs declares x0 and the conditions of a batch.
func (p Programs) inputs(g *graph.Graph, n int) (x0 kernels.Value, conditions map[string]kernels.Value) {
	return g.Input("x0", p.spec(n)), p.Model.Conditions(g, n)
}

// Compile builds the programs of a step, in the order in which they run.
func (p Programs) Compile() ([]*graph.Program, error) {
	forwardBackward, err := p.ForwardBackward()
	if err != nil {
		return nil, err
	}
	optimizerStep, err := p.OptimizerStep()
	return []*graph.Program{forwardBackward, optimizerStep}, err
}

// ForwardBackward is one micro-batch: draw t, diffuse x0, predict, take the loss, differentiate.
// Gradients and loss are overwritten when State.Micro is 0, else added to.
func (p Programs) ForwardBackward() (*graph.Program, error) {
	t, n := p.Recipe.Train, p.Recipe.Train.MicroBatch
	kind, err := p.Recipe.LossKind()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	c := p.Model.Context(g, nn.WeightsBuffer, true)
	x0, conditions := p.inputs(g, n)
	time := kernels.Emit1(g, rng.UniformIntDraw{N: n, Max: p.Model.Process.Timesteps(), Stream: c.Stream("t")})
	noised := g.Emit(update.Noising{Stream: c.Stream("eps")}, x0, time, g.Persistent(noiseTable, p.noiseSpec()))
	y := p.Model.Net.Forward(c, nn.Inputs{X: noised[0], T: time, Conditions: p.dropLabels(c, conditions)})
	var weight kernels.Value
	if p.Recipe.Weighted() {
		weight = kernels.Emit1(g, embed.Lookup{}, time, g.Persistent(weightTable, p.weightSpec()))
	}
	l := kernels.Emit1(g, loss.Loss{Kind: kind, Delta: p.Recipe.Diffusion.HuberDelta}, y, noised[1], weight)
	p.Model.Backward(g, c, l, t.MicroBatches > 1)
	g.Assign(g.Persistent(lossBuffer, kernels.Vector(kernels.F32, 1)), l, t.MicroBatches > 1)
	return g.Compile("micro")
}

// OptimizerStep ends a step: gradient norm, the check for numbers that are not finite, clipping,
// AdamW and the moving average, the record.
func (p Programs) OptimizerStep() (*graph.Program, error) {
	g := graph.New()
	g.Phase("finish")
	flat := kernels.Vector(kernels.F32, p.Model.Params.Size())
	one := kernels.Vector(kernels.F32, 1)
	grads := g.Persistent(model.GradsBuffer, flat)
	l := g.Persistent(lossBuffer, one)
	norm := kernels.Emit1(g, optim.GlobalNorm{}, grads)
	flag := kernels.Emit1(g, optim.CheckFinite{}, l, norm, g.Persistent(flagBuffer, kernels.Vector(kernels.I32, 1)))
	in := []kernels.Value{g.Persistent(nn.WeightsBuffer, flat), g.Persistent(momentBuffer, flat), g.Persistent(varianceBuffer, flat),
		g.Persistent(nn.EMABuffer, flat), grads, norm, flag}
	if p.Model.DType == kernels.BF16 {
		in = append(in, g.Persistent(nn.RoundedBuffer(nn.WeightsBuffer), flat.WithDType(kernels.BF16)))
	}
	g.Emit(optim.AdamW{DecayElements: p.Model.Params.Decayed()}, in...)
	g.Emit(optim.Record{}, l, norm, g.Persistent(ringBuffer, p.ringSpec()))
	return g.Compile("finish")
}

func (p Programs) ringSpec() kernels.Spec {
	return kernels.Dense(kernels.F32, p.Recipe.Train.LogEvery, 1, 1, optim.RecordColumns)
}

// Evaluate is the loss of each held-out sample at given times, with the moving average of the
// weights: input t, output "losses".
func (p Programs) Evaluate(n int) (*graph.Program, error) {
	kind, err := p.Recipe.LossKind()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	g.Phase("evaluate")
	c := p.Model.Context(g, nn.EMABuffer, false)
	x0, conditions := p.inputs(g, n)
	time := g.Input("t", kernels.Dense(kernels.I32, n, 1, 1, 1))
	noised := g.Emit(update.Noising{Stream: c.Stream("evaluation/eps")}, x0, time, g.Persistent(noiseTable, p.noiseSpec()))
	y := p.Model.Net.Forward(c, nn.Inputs{X: noised[0], T: time, Conditions: conditions})
	losses := g.Emit(loss.Loss{Kind: kind, Delta: p.Recipe.Diffusion.HuberDelta}, y, noised[1])
	g.Output("losses", losses[1])
	return g.Compile("evaluate")
}

// noiseTableData is the table of kernels/diffusion's Noising for the recipe's prediction: x_t and the network's target.
func (p Programs) noiseTableData() ([]float32, error) {
	pred, err := p.Model.Prediction()
	if err != nil {
		return nil, err
	}
	s := p.noiseSpec()
	table := make([]float32, s.Span())
	for t := range s.N {
		a, b := p.Model.Process.SqrtAlphasCumprod[t], p.Model.Process.SqrtOneMinusAlphasCumprod[t]
		row := [4]float64{a, b, 0, 1}
		switch pred {
		case diffusion.Sample:
			row[2], row[3] = 1, 0
		case diffusion.VPrediction:
			row[2], row[3] = -b, a
		}
		for c, v := range row {
			table[t*s.Pitch+c] = float32(v)
		}
	}
	return table, nil
}

func (p Programs) weightTableData() ([]float32, error) {
	pred, err := p.Model.Prediction()
	if err != nil {
		return nil, err
	}
	variance, err := diffusion.ParseVariance(p.Recipe.Diffusion.Variance)
	if err != nil {
		return nil, err
	}
	weights, err := p.Model.Process.Weights(p.Recipe.Diffusion.Objective, pred, variance)
	if err != nil {
		return nil, err
	}
	s := p.weightSpec()
	table := make([]float32, s.Span())
	for t, w := range weights {
		table[t*s.Pitch] = float32(w)
	}
	return table, nil
}

// Upload writes the tables of the noising and of the loss weights to a machine that has loaded the programs.
func (p Programs) Upload(m exec.Executor) error {
	if err := m.Persistent(noiseTable, p.noiseSpec()); err != nil {
		return err
	}
	table, err := p.noiseTableData()
	if err != nil {
		return err
	}
	if err := m.Write(noiseTable, 0, table); err != nil || !p.Recipe.Weighted() {
		return err
	}
	if table, err = p.weightTableData(); err != nil {
		return err
	}
	return m.Write(weightTable, 0, table)
}
