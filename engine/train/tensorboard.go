package train

import (
	"context"
	"math"
	"os"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/watch"
)

// tensorBoard writes event files.
type tensorBoard struct{ t *trainer }

func (b *tensorBoard) progress(p Progress) error {
	return b.t.out.warnOnError(b.t.step, "events", b.t.out.events.Scalars(p.Step, watch.Scalar{Tag: "loss/train", Value: p.Loss},
		watch.Scalar{Tag: "optimizer/gradient_norm", Value: p.GradNorm},
		watch.Scalar{Tag: "optimizer/learning_rate", Value: p.LearningRate},
		watch.Scalar{Tag: "speed/samples_per_second", Value: p.SamplesPerSecond}))
}

func (b *tensorBoard) evaluation(e Evaluation) error {
	scalars := []watch.Scalar{{Tag: "loss/held_out", Value: e.HeldOut}}
	for q, tag := range []string{"quartile_1_least_noise", "quartile_2", "quartile_3", "quartile_4_most_noise"} {
		if !math.IsNaN(e.Quartiles[q]) {
			scalars = append(scalars, watch.Scalar{Tag: "loss_held_out_by_time/" + tag, Value: e.Quartiles[q]})
		}
	}
	return b.t.out.warnOnError(b.t.step, "events", b.t.out.events.Scalars(e.Step, scalars...))
}

// samples adds the picture of the samples.
func (b *tensorBoard) samples(step int, path string) error {
	if b.t.out.events == nil {
		return nil
	}
	encoded, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return b.t.out.events.PNG(step, "samples", encoded)
}

// histogramEvery is the number of steps between histograms.
func (b *tensorBoard) histogramEvery() int {
	if every := b.t.Recipe.Log.HistogramEvery; every > 0 {
		return every
	}
	return max(1, b.t.Recipe.Train.Steps/50)
}

// histograms writes the distributions of every parameter and of its gradient in the step just taken, before clipping.
func (b *tensorBoard) histograms(context.Context) error {
	if b.t.out.events == nil {
		return nil
	}
	tensors, err := b.tensors()
	if err == nil {
		err = b.t.out.events.Histograms(b.t.step, tensors...)
	}
	return b.t.out.warnOnError(b.t.step, "events", err)
}

// tensors reads the trainable weights and their gradients.
func (b *tensorBoard) tensors() ([]watch.Tensor, error) {
	var tensors []watch.Tensor
	params := b.t.stepper.Model.Params
	for _, from := range []struct{ name, buffer string }{
		{"weights/", nn.WeightsBuffer}, {"gradients/", model.GradsBuffer},
	} {
		arena := make([]float32, params.Size())
		if err := b.t.Executor.Read(from.buffer, 0, arena); err != nil {
			return nil, err
		}
		for _, p := range params.All() {
			if p.Trainable {
				values := make([]float32, p.Elements())
				p.Take(arena, values)
				tensors = append(tensors, watch.Tensor{Tag: from.name + p.Name, Values: values})
			}
		}
	}
	return tensors, nil
}
