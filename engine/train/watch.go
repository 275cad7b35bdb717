package train

import (
	"os"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/watch"
)

// openWatch opens the event file, if the recipe asks for one.
func (t *trainer) openWatch() error {
	if !t.Recipe.Log.TensorBoard {
		return nil
	}
	var err error
	t.watch, err = watch.Open(filepath.Join(t.Out, rundir.TensorBoardDir), t.step)
	return err
}

func (t *trainer) watchProgress(p Progress) error {
	return t.watch.Scalars(p.Step, watch.Scalar{Tag: "loss/train", Value: p.Loss}, watch.Scalar{Tag: "optimizer/gradient_norm", Value: p.GradNorm},
		watch.Scalar{Tag: "optimizer/learning_rate", Value: p.LearningRate}, watch.Scalar{Tag: "speed/samples_per_second", Value: p.SamplesPerSecond})
}

func (t *trainer) watchEvaluation(e Evaluation) error {
	scalars := []watch.Scalar{{Tag: "loss/held_out", Value: e.HeldOut}}
	for q, tag := range []string{"quartile_1_least_noise", "quartile_2", "quartile_3", "quartile_4_most_noise"} {
		scalars = append(scalars, watch.Scalar{Tag: "loss_held_out_by_time/" + tag, Value: e.Quartiles[q]})
	}
	return t.watch.Scalars(e.Step, scalars...)
}

// watchSamples adds the picture of the samples.
func (t *trainer) watchSamples(path string) error {
	if t.watch == nil {
		return nil
	}
	encoded, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return t.watch.PNG(t.step, "samples", encoded)
}

// histogramsDue reports whether histograms are to be written after this step: every log.histogram_every steps and at the end.
func (t *trainer) histogramsDue() bool {
	every := t.Recipe.Log.HistogramEvery
	if every == 0 {
		every = max(1, t.Recipe.Train.Steps/50)
	}
	return t.watch != nil && (t.step%every == 0 || t.step == t.Recipe.Train.Steps)
}

// watchHistograms writes the distributions of every parameter and of its gradient in the step just taken, before clipping.
func (t *trainer) watchHistograms() error {
	if !t.histogramsDue() {
		return nil
	}
	var tensors []watch.Tensor
	params := t.prog.Model.Params
	for _, b := range []struct{ name, buffer string }{{"weights/", nn.WeightsBuffer}, {"gradients/", model.GradsBuffer}} {
		arena := make([]float32, params.Size())
		if err := t.Executor.Read(b.buffer, 0, arena); err != nil {
			return err
		}
		for _, p := range params.All() {
			if p.Trainable {
				values := make([]float32, p.Elements())
				p.Take(arena, values)
				tensors = append(tensors, watch.Tensor{Tag: b.name + p.Name, Values: values})
			}
		}
	}
	return t.watch.Histograms(t.step, tensors...)
}
