package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/eval"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/viz"
	"github.com/unnoise/unnoise/kernels"
)

const (
	defaultBoundSamples = 128  // images: each takes as many network calls as there are timesteps
	defaultBoundPoints  = 5000 // points in the plane
	boundDraws          = 8192 // of the closed form, by timestep
)

// evaluateBound measures the variational bound of a model on images or points.
func evaluateBound(c *urfave.Context, g *globals) error {
	dir := c.String("model")
	if dir == "" {
		return usagef("evaluate nll needs --model; see unnoise evaluate --help")
	}
	if plot := c.String("plot"); plot != "" && extension(plot) != ".png" {
		return usagef("--plot %s: expected a name that ends in .png", plot)
	}
	m, err := model.Load(dir, false)
	if err != nil {
		return err
	}
	x, labels, err := boundData(c, dir, m)
	if err != nil {
		return err
	}
	mach, dtype, err := g.executor(kernels.F32)
	if err != nil {
		return err
	}
	defer mach.Close()
	m.DType = dtype
	o := eval.BoundOptions{Batch: c.Int("batch"), Steps: c.String("steps"), Seed: c.Uint64("seed"), Continuous: m.Points()}
	bar := newBar(g, -1, "bound", "calls")
	if bar != nil {
		o.Step = func(done, all int) { bar.ChangeMax(all); _ = bar.Set(done) }
	}
	rep, err := eval.Bound(c.Context, m, mach, x, labels, o)
	if bar != nil && !bar.IsFinished() {
		_ = bar.Clear()
	}
	if err != nil {
		return err
	}
	answer := struct {
		*eval.BoundReport
		*eval.ClosedForm
	}{BoundReport: rep}
	text := boundText(rep)
	if m.Points() && m.C == 2 && o.Steps == "" {
		if answer.ClosedForm, err = eval.PointsBound(c.Context, m, mach, x.Data, boundDraws, o.Seed); err != nil {
			return err
		}
		text += fmt.Sprintf("\nclosed form       %.5f bits/dim: %.5f of the best network for these points, %.5f that this one adds",
			answer.Optimum+answer.Excess, answer.Optimum, answer.Excess)
	}
	if err := writeBoundPlot(c.String("plot"), rep); err != nil {
		return err
	}
	return g.answer(answer, "%s", text)
}

func boundText(rep *eval.BoundReport) string {
	name := "discretised decoder, 8 bits"
	if rep.Continuous {
		name = "density of the decoder"
	}
	return fmt.Sprintf("bits/dim          %.5f +- %.5f (standard error of %d samples, one draw for each of %d timesteps)\n"+
		"rate              %.5f (L_1 .. L_T)\ndistortion        %.5f (L_0, %s)\nprior             %.3g (L_T)",
		rep.BitsPerDim, rep.StandardError, rep.Samples, rep.Steps, rep.Rate, rep.Decoder, name, rep.Prior)
}

func writeBoundPlot(path string, rep *eval.BoundReport) error {
	if path == "" {
		return nil
	}
	b := viz.Bound{Title: fmt.Sprintf("bound: %.4f bits/dim", rep.BitsPerDim)}
	for _, term := range rep.Terms {
		b.T, b.Bits = append(b.T, term.T), append(b.Bits, term.Bits)
		b.Rate, b.RMSE = append(b.Rate, term.Rate), append(b.RMSE, term.RMSE)
	}
	img, err := viz.BoundCurves(b)
	if err != nil {
		return err
	}
	return viz.WritePNG(path, img)
}

// boundData reads held-out samples of --data, or of the run's own data.
func boundData(c *urfave.Context, dir string, m *model.Model) (*model.Images, []int32, error) {
	r, err := recipeOf(c, dir, m)
	if err != nil {
		return nil, nil, err
	}
	o := data.Options{Channels: m.C, Height: m.H, Width: m.W, Context: c.Context}
	if r != nil {
		if o, err = r.DataOptions(); err != nil {
			return nil, nil, err
		}
		o.Context = c.Context
	}
	if path := c.String("data"); path != "" {
		o.Source = path
	} else if r == nil {
		return nil, nil, usagef("evaluate nll needs --data: %s is not a run of unnoise train, whose data would be taken", dir)
	}
	n := defaultBoundSamples
	if m.Points() {
		n = defaultBoundPoints
	}
	if c.IsSet("samples") {
		n = c.Int("samples")
	}
	if n < 1 {
		return nil, nil, usagef("--samples %d: expected at least 1", n)
	}
	return readHeldOut(o, m, n)
}

// readHeldOut reads the first n held-out samples, or of points those that were trained on: the closed form is about them.
func readHeldOut(o data.Options, m *model.Model, n int) (*model.Images, []int32, error) {
	set, err := data.OpenSet(o)
	if err != nil {
		return nil, nil, err
	}
	defer set.Close()
	ds := set.HeldOut
	if m.Points() {
		ds = set.Train
	}
	ch, h, w := ds.Shape()
	if ch != m.C || h != m.H || w != m.W {
		return nil, nil, fmt.Errorf("%s: samples are %dx%dx%d, expected %dx%dx%d as the model takes", o.Source, ch, h, w, m.C, m.H, m.W)
	}
	x := model.NewImages(min(n, ds.Len()), h, w, ch)
	var labels []int32
	for i := range x.N {
		label, err := ds.Sample(i, x.Rows(i, i+1).Data)
		if err != nil {
			return nil, nil, err
		}
		if m.Signature.Labels().Kind == nn.ClassCondition {
			labels = append(labels, label)
		}
	}
	return x, labels, nil
}
