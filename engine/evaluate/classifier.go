package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/loss"
	"github.com/unnoise/unnoise/kernels/optim"
)

// The persistent buffers of a classifier on a machine.
const (
	judgeWeights = "classifier.weights"
	judgeEMA     = "classifier.ema"
	judgeM       = "classifier.m"
	judgeV       = "classifier.v"
	judgeGrads   = "classifier.grads"
	judgeFlag    = "classifier.flag"
)

// judgeBatch is how many images are classified at once.
const judgeBatch = 100

// ClassifierOptions say how a classifier is trained; zero values take the defaults.
type ClassifierOptions struct {
	Steps        int     // 2000
	Batch        int     // 64
	LearningRate float64 // 2e-3 at the start, a cosine to 0
	Seed         uint64
}

func (o ClassifierOptions) fill() ClassifierOptions {
	if o.Steps == 0 {
		o.Steps = 2000
	}
	if o.Batch == 0 {
		o.Batch = 64
	}
	if o.LearningRate == 0 {
		o.LearningRate = 2e-3
	}
	return o
}

// Classifier is a trained network that tells a data set's classes apart. It was made with the engine it measures: nn.Classifier,
// AdamW, and the mean squared error to one-hot targets, whose minimum is the probability of each class.
type Classifier struct {
	net     nn.Classifier
	params  *nn.ParamSet
	weights []float32 // averaged
	h, w, c int
}

// TrainClassifier trains a classifier on a labelled set of images.
func TrainClassifier(ctx context.Context, mach exec.Executor, ds data.Dataset, o ClassifierOptions) (*Classifier, error) {
	o = o.fill()
	if ds.Classes() < 2 {
		return nil, fmt.Errorf("the data have %d classes: a classifier needs at least 2", ds.Classes())
	}
	k := &Classifier{net: nn.Classifier{Channels: []int{32, 64, 128, 128}, Classes: ds.Classes()}}
	k.c, k.h, k.w = ds.Shape()
	var err error
	if k.params, err = k.net.Declare(k.images(1)); err != nil {
		return nil, err
	}
	k.weights = make([]float32, k.params.Size())
	k.params.Initialize(k.weights, o.Seed)
	if err := k.upload(mach); err != nil {
		return nil, err
	}
	step, err := k.trainProgram(mach, o.Batch)
	if err != nil {
		return nil, err
	}
	defer step.Close()
	loader, err := data.NewLoader(ds, data.LoaderConfig{Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	for i := range o.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := k.step(step, loader, o, i); err != nil {
			return nil, err
		}
	}
	return k, mach.Read(judgeEMA, 0, k.weights)
}

func (k *Classifier) images(n int) kernels.Spec { return kernels.Dense(kernels.F32, n, k.h, k.w, k.c) }

// upload makes the buffers, the weights the initial ones.
func (k *Classifier) upload(mach exec.Executor) error {
	flat := kernels.Vector(kernels.F32, k.params.Size())
	for _, b := range []string{judgeWeights, judgeEMA, judgeM, judgeV} {
		if err := mach.Persistent(b, flat); err != nil {
			return err
		}
		initial := k.weights
		if b == judgeM || b == judgeV {
			initial = make([]float32, k.params.Size())
		}
		if err := mach.Write(b, 0, initial); err != nil {
			return err
		}
	}
	return nil
}

// trainProgram is one step: scores, squared error, gradients, AdamW with the moving average.
func (k *Classifier) trainProgram(mach exec.Executor, n int) (exec.LoadedProgram, error) {
	g := graph.New()
	c := nn.NewContext(g, k.params, judgeWeights, true)
	scores := k.net.Forward(c, g.Input("x", k.images(n)))
	l := kernels.Emit1(g, loss.Loss{Kind: loss.MSE}, scores, g.Input("target", kernels.Dense(kernels.F32, n, 1, 1, k.net.Classes)))
	flat := kernels.Vector(kernels.F32, k.params.Size())
	grads := g.Persistent(judgeGrads, flat)
	values, offsets := c.Trainable()
	for i, d := range g.Backward(l, values) {
		g.Assign(g.View(grads, "grad", offsets[i], values[i].Spec, false), d, false)
	}
	norm := kernels.Emit1(g, optim.GlobalNorm{}, grads)
	flag := kernels.Emit1(g, optim.CheckFinite{}, l, norm, g.Persistent(judgeFlag, kernels.Vector(kernels.I32, 1)))
	g.Emit(optim.AdamW{DecayElements: k.params.Decayed()}, g.Persistent(judgeWeights, flat), g.Persistent(judgeM, flat), g.Persistent(judgeV, flat),
		g.Persistent(judgeEMA, flat), grads, norm, flag)
	p, err := g.Compile("classifier")
	if err != nil {
		return nil, err
	}
	return mach.Load(p)
}

// step takes optimizer step i.
func (k *Classifier) step(r exec.LoadedProgram, loader *data.Loader, o ClassifierOptions, i int) error {
	x, labels := make([]float32, o.Batch*k.h*k.w*k.c), make([]int32, o.Batch)
	if err := loader.Batch(uint64(i)*uint64(o.Batch), data.Batch{X: x, Labels: labels}); err != nil {
		return err
	}
	target := make([]float32, o.Batch*k.net.Classes)
	for j, y := range labels {
		target[j*k.net.Classes+int(y)] = 1
	}
	if err := r.Set("x", x); err != nil {
		return err
	}
	if err := r.Set("target", target); err != nil {
		return err
	}
	n := float64(i + 1)
	return r.Run(&kernels.StepState{Seed: o.Seed, Step: uint32(i), LossScale: 1, ClipNorm: 1, WeightDecay: 1e-2, Beta1: 0.9, Beta2: 0.999,
		Epsilon: 1e-8, Correction1: 1 - math.Pow(0.9, n), Correction2: 1 - math.Pow(0.999, n), EMADecay: math.Min(0.99, (1+n)/(10+n)),
		LearningRate: o.LearningRate * (1 + math.Cos(math.Pi*float64(i)/float64(o.Steps))) / 2})
}

// Classify returns the class of each image, the one with the highest score.
func (k *Classifier) Classify(mach exec.Executor, x *model.Images) ([]int, error) {
	if x.H != k.h || x.W != k.w || x.C != k.c {
		return nil, fmt.Errorf("images of %dx%d with %d channels: the classifier takes %dx%d with %d", x.H, x.W, x.C, k.h, k.w, k.c)
	}
	if err := k.upload(mach); err != nil {
		return nil, err
	}
	g := graph.New()
	g.Output("scores", k.net.Forward(nn.NewContext(g, k.params, judgeWeights, false), g.Input("x", k.images(judgeBatch))))
	p, err := g.Compile("classify")
	if err != nil {
		return nil, err
	}
	r, err := mach.Load(p)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var classes []int
	batch, scores := model.NewImages(judgeBatch, k.h, k.w, k.c), make([]float32, judgeBatch*k.net.Classes)
	for lo := 0; lo < x.N; lo += judgeBatch {
		n := min(judgeBatch, x.N-lo)
		copy(batch.Data, x.Rows(lo, lo+n).Data)
		if err := r.Set("x", batch.Data); err != nil {
			return nil, err
		}
		if err := r.Run(&kernels.StepState{LossScale: 1}); err != nil {
			return nil, err
		}
		if err := r.Get("scores", scores); err != nil {
			return nil, err
		}
		for i := range n {
			classes = append(classes, argmax(scores[i*k.net.Classes:(i+1)*k.net.Classes]))
		}
	}
	return classes, nil
}

func argmax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}

// Accuracy is the share of images that the classifier gives their labels.
func (k *Classifier) Accuracy(mach exec.Executor, x *model.Images, labels []int32) (float64, error) {
	classes, err := k.Classify(mach, x)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, y := range classes {
		if y == int(labels[i]) {
			right++
		}
	}
	return float64(right) / float64(x.N), nil
}
