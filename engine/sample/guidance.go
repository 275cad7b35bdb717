package sample

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
)

// guided reports whether a weight needs the network's predictions with and without labels.
func guided(w float64) bool { return w != 0 && w != 1 }

// CheckGuidance reports why samples of a model cannot be drawn with a guidance weight: it needs a network that was trained with
// labels, some of them dropped.
func CheckGuidance(m *model.Model, w float64) error {
	l := m.Signature.Labels()
	switch {
	case math.IsNaN(w) || math.IsInf(w, 0):
		return fmt.Errorf("guidance %g: want a finite number", w)
	case w == 0 || w == 1:
		return nil
	case l.Kind != nn.ClassCondition:
		return fmt.Errorf("guidance %g: the network is not conditioned on classes, so there is nothing to guide it to", w)
	case l.Null == 0:
		return fmt.Errorf("guidance %g: the network has no null label (\"_null_label\" in config.json), because it was trained without dropped labels: "+
			"train one with train.label_dropout = 0.1 and network.num_class_embeds one more than the classes", w)
	}
	return nil
}

// predict emits the network on the batch, or for guidance on the batch twice, with the samples' labels and with the null label, the
// two predictions combined.
func (k *Chain) predict(g *graph.Graph, x kernels.Value, denoise Denoiser) kernels.Value {
	s := x.Spec
	if !guided(k.guidance) {
		return denoise(g, x, k.times(g, s.N))
	}
	s.N *= 2
	pair := g.Persistent(fmt.Sprintf("guidance.x/%d,%d,%d,%d", s.N, s.H, s.W, s.C), s)
	for half, name := range []string{"conditional", "unconditional"} {
		g.Assign(g.View(pair, name, half*x.Spec.Span(), x.Spec, false), x, false)
	}
	return kernels.Emit1(g, update.Guidance{}, denoise(g, pair, k.times(g, s.N)))
}

// denoiser emits a model's network with the weights of a buffer. The labels are the program's input "labels", of the network's batch.
func denoiser(m *model.Model, weights string) Denoiser {
	return func(g *graph.Graph, x, t kernels.Value) kernels.Value {
		return m.Net.Forward(m.Context(g, weights, false), nn.Inputs{X: x, T: t, Conditions: m.Conditions(g, x.Spec.N)})
	}
}

// batchLabels returns the labels of the network's batch for samples lo.. of a request: padded to the batch, and followed by as many
// null labels where the request is guided.
func (o *Options) batchLabels(null, lo int) []int32 {
	labels := make([]int32, o.Batch)
	copy(labels, o.Labels[lo:min(lo+o.Batch, o.N)])
	if guided(o.Guidance) {
		for range o.Batch {
			labels = append(labels, int32(null))
		}
	}
	return labels
}
