package train

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
)

// samples draws pictures with the averaged weights.
type samples struct {
	t     *trainer
	table *sampler.Table
}

// newSamples makes the sampler's table, so that one that cannot be used is refused beforehand.
func newSamples(t *trainer, m *model.Model) (*samples, error) {
	table, err := sample.Table(m, t.Recipe.Sampler())
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	return &samples{t, table}, nil
}

// draw writes the samples of a step, none of samples that cannot be drawn; files that cannot be written are warned of.
func (s *samples) draw(ctx context.Context) error {
	return s.t.out.warnOnError(s.t.step, "samples", s.write(ctx))
}

func (s *samples) write(ctx context.Context) error {
	t, m, n := s.t, s.t.stepper.Model, s.t.Recipe.Train.SampleCount
	if c, _, _ := t.source.train.Shape(); n == 0 || !Drawable(c, m.Points()) {
		return nil
	}
	o := sample.Options{N: n, Batch: min(n, sampleBatch(m)), Seed: t.Recipe.Train.Seed, Table: s.table,
		Guidance: t.Recipe.Sample.GuidanceScale}
	drawn, total := 0, (n+o.Batch-1)/o.Batch*len(s.table.Steps)
	o.Step = func(int, int) {
		drawn++
		t.phase(PhaseSamples, min(drawn, total), total)
	}
	if l := m.Signature.Labels(); l.Kind == nn.ClassCondition {
		for i := range n {
			o.Labels = append(o.Labels, int32(i%t.source.train.Classes()))
		}
	}
	x, err := sample.DrawWith(ctx, m, t.Executor, nn.EMABuffer, o)
	if err != nil {
		return err
	}
	dir, err := t.out.makeDir(t.step, rundir.SamplesDir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("step-%d.png", t.step))
	if err := WritePicture(path, x, m.Points()); err != nil {
		return err
	}
	return t.record(func(r recorder) error { return r.samples(t.step, path) })
}

// sampleBatch keeps the memory of sampling pictures small.
func sampleBatch(m *model.Model) int {
	if m.Points() {
		return 5000
	}
	return 64
}
