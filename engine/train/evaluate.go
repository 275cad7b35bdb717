package train

import (
	"context"
	"fmt"
	"image"
	"math"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/viz"
	"github.com/unnoise/unnoise/kernels"
)

// EvaluationBatch is how many held-out samples are evaluated at once.
const EvaluationBatch = 250

// evaluate measures the held-out loss of the averaged weights. Times are spread evenly over 0..T-1 (the multiples of the golden
// ratio, modulo 1), noise is the same at every evaluation.
func (t *trainer) evaluate(ctx context.Context) error {
	n := min(t.Recipe.Train.EvalSamples, t.heldOut.Len())
	if n == 0 {
		return nil
	}
	e, err := t.heldOutLoss(ctx, n)
	if err != nil {
		return err
	}
	t.result.Evaluation = *e
	if t.OnEval != nil {
		t.OnEval(*e)
	}
	if err := t.watchEvaluation(*e); err != nil {
		if err := t.endWatch(err); err != nil {
			return err
		}
	}
	return t.tolerate("metrics", t.metrics.AppendHeldOut(e.line()))
}

func (t *trainer) heldOutLoss(ctx context.Context, n int) (*Evaluation, error) {
	if err := t.prog.Model.Round(t.Executor, nn.EMABuffer); err != nil {
		return nil, err
	}
	batch := min(n, EvaluationBatch)
	p, err := t.prog.Evaluate(batch)
	if err != nil {
		return nil, err
	}
	r, err := t.Executor.Load(p)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	loader, err := data.NewLoader(t.heldOut, data.LoaderConfig{Ordered: true})
	if err != nil {
		return nil, err
	}
	var sums, counts [4]float64
	for lo := 0; lo < n; lo += batch {
		times, losses, err := t.evaluateBatch(ctx, r, loader, lo, batch)
		if err != nil {
			return nil, err
		}
		for i := range min(batch, n-lo) {
			q := int(times[i]) * 4 / t.prog.Model.Process.Timesteps()
			sums[q] += float64(losses[i])
			counts[q]++
		}
	}
	e := &Evaluation{Step: t.step}
	for q := range sums {
		e.HeldOut += sums[q] / float64(n)
		if counts[q] > 0 {
			e.Quartiles[q] = sums[q] / counts[q]
		}
	}
	return e, nil
}

func (t *trainer) evaluateBatch(ctx context.Context, r exec.LoadedProgram, loader *data.Loader, lo, n int) ([]int32, []float32, error) {
	x0, labels := make([]float32, n*data.SampleSize(t.heldOut)), make([]int32, n)
	if err := loader.Batch(uint64(lo), n, x0, labels); err != nil {
		return nil, nil, batchError{err}
	}
	times := make([]int32, n)
	for i := range times {
		_, u := math.Modf(float64(lo+i) * math.Phi)
		times[i] = int32(u * float64(t.prog.Model.Process.Timesteps()))
	}
	if err := r.Set("x0", x0); err != nil {
		return nil, nil, err
	}
	if err := r.SetInts("t", times); err != nil {
		return nil, nil, err
	}
	if t.prog.Model.Signature.Labels().Kind == nn.ClassCondition {
		if err := r.SetInts("labels", labels); err != nil {
			return nil, nil, err
		}
	}
	if err := exec.RunContext(ctx, r, &kernels.StepState{Seed: t.Recipe.Train.Seed, SampleBase: uint32(lo), LossScale: 1}); err != nil {
		return nil, nil, err
	}
	losses := make([]float32, n)
	return times, losses, r.Get("losses", losses)
}

// samples draws pictures with the averaged weights; none of samples that cannot be drawn.
func (t *trainer) samples(ctx context.Context) error {
	n := t.Recipe.Train.SampleCount
	if c, _, _ := t.train.Shape(); n == 0 || !Drawable(c, t.prog.Model.Points()) {
		return nil
	}
	o := sample.Options{N: n, Batch: min(n, sampleBatch(t.prog.Model)), Seed: t.Recipe.Train.Seed, Table: t.table,
		Guidance: t.Recipe.Sample.GuidanceScale}
	if l := t.prog.Model.Signature.Labels(); l.Kind == nn.ClassCondition {
		for i := range n {
			o.Labels = append(o.Labels, int32(i%t.train.Classes()))
		}
	}
	x, err := sample.DrawWith(ctx, t.prog.Model, t.Executor, nn.EMABuffer, o)
	if err != nil {
		return err
	}
	dir, err := t.makeDir(rundir.SamplesDir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("step-%d.png", t.step))
	if err := WritePicture(path, x, t.prog.Model.Points()); err != nil {
		return err
	}
	if t.OnSamples != nil {
		t.OnSamples(t.step, path)
	}
	return t.watchSamples(path)
}

// sampleBatch keeps the memory of sampling pictures small.
func sampleBatch(m *model.Model) int {
	if m.Points() {
		return 5000
	}
	return 64
}

// Drawable reports whether WritePicture draws samples of so many channels: images of 1 or 3, points
// of 2 or more coordinates.
func Drawable(channels int, points bool) bool {
	if points {
		return channels >= 2
	}
	return channels == 1 || channels == 3
}

// WritePicture writes samples as a PNG: a grid of images, a scatter plot of 2-D points, or a matrix of
// scatter plots of points of more dimensions.
func WritePicture(path string, x *model.Images, points bool) error {
	if !Drawable(x.C, points) {
		return fmt.Errorf("%s: samples of %d channels cannot be drawn", path, x.C)
	}
	if points {
		img, err := scatter(x)
		if err != nil {
			return err
		}
		return viz.WritePNG(path, img)
	}
	d := x.Dense(false)
	img, err := viz.Grid(viz.Images{Data: d.Data().([]float32), N: x.N, C: x.C, H: x.H, W: x.W}, viz.GridOptions{})
	if err != nil {
		return err
	}
	return viz.WritePNG(path, img)
}

func scatter(x *model.Images) (image.Image, error) {
	if x.C == 2 {
		return viz.Scatter(x.Data)
	}
	return viz.ScatterMatrix(x.Data, x.C)
}
