package model

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	update "github.com/unnoise/unnoise/kernels/diffusion"
)

// guided reports whether a request needs the network's predictions with and without labels.
func (o *SampleOptions) guided() bool { return o.Guidance != 0 && o.Guidance != 1 }

// CheckGuidance reports why samples cannot be drawn with a guidance weight: it needs a network that was trained with labels, some
// of them dropped.
func (m *Model) CheckGuidance(w float64) error {
	l := m.Net.Labels()
	switch {
	case math.IsNaN(w) || math.IsInf(w, 0):
		return fmt.Errorf("guidance %g: want a finite number", w)
	case w == 0 || w == 1:
		return nil
	case l.Kind != nn.ClassLabels:
		return fmt.Errorf("guidance %g: the network is not conditioned on classes, so there is nothing to guide it to", w)
	case l.Null == 0:
		return fmt.Errorf("guidance %g: the network has no null label (\"_null_label\" in config.json), because it was trained without dropped labels: "+
			"train one with train.label_dropout = 0.1 and network.num_class_embeds one more than the classes", w)
	}
	return nil
}

// denoiser emits the network for sampling: on the batch, or for guidance on the batch twice, with the samples' labels and with the
// null label, the two predictions combined. The labels are the program's input "labels", of the network's batch.
func (m *Model) denoiser(weights string, plan *diffusion.Plan, guided bool) Denoiser {
	return func(g *graph.Graph, x, t kernels.Value) kernels.Value {
		c := m.Context(g, weights, false)
		if !guided {
			return m.Net.Forward(c, x, t, m.labelsInput(g, x.Spec.N))
		}
		n := x.Spec.N
		s := x.Spec
		s.N = 2 * n
		pair := g.Persistent(fmt.Sprintf("guidance.x/%d,%d,%d,%d", s.N, s.H, s.W, s.C), s)
		for half, name := range []string{"conditional", "unconditional"} {
			g.Assign(g.View(pair, name, half*x.Spec.Span(), x.Spec, false), x, false)
		}
		t = kernels.Emit1(g, update.ChainTime{N: s.N}, timeTable(g, plan))
		return kernels.Emit1(g, update.Guidance{}, m.Net.Forward(c, pair, t, m.labelsInput(g, s.N)))
	}
}

// batchLabels returns the labels of the network's batch for samples lo.. of a request: padded to the batch, and followed by as many
// null labels where the request is guided.
func (m *Model) batchLabels(o *SampleOptions, lo int) []int32 {
	labels := make([]int32, o.Batch)
	copy(labels, o.Labels[lo:min(lo+o.Batch, o.N)])
	if o.guided() {
		for range o.Batch {
			labels = append(labels, int32(m.Net.Labels().Null))
		}
	}
	return labels
}
