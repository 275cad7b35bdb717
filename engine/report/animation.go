package report

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"slices"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/viz"
)

// frames is the most pictures the animation has.
const frames = 40

// animate draws samples with the last checkpoint and keeps the states between noise and data.
func (c *content) animate(ctx context.Context, run string, r *recipe.Recipe, o Options) error {
	switch {
	case o.Executor == nil:
		c.NoAnimation = "left out"
		return nil
	case len(c.Checkpoints) == 0:
		c.NoAnimation = "the run has no checkpoint yet"
		return nil
	}
	m, err := model.Load(run, false)
	if err != nil {
		return err
	}
	m.DType = o.DType
	unknown := func(k nn.Condition) bool { return k.Kind != nn.ClassCondition }
	if slices.ContainsFunc(m.Signature.Conditions, unknown) || m.C != 1 && m.C != 3 && !m.Points() || m.Points() && m.C != 2 {
		c.NoAnimation = "samples of this model cannot be drawn"
		return nil
	}
	s, g, err := o.sampling(m, r)
	if err != nil {
		return err
	}
	shown := map[int]*model.Images{}
	for _, i := range viz.Frames(len(s.Table.Steps), frames) {
		shown[i] = nil
	}
	s.After = func(_, step int, x *model.Images) error {
		if _, ok := shown[step]; ok {
			keep := model.NewImages(x.N, x.H, x.W, x.C)
			copy(keep.Data, x.Data)
			shown[step] = keep
		}
		return nil
	}
	last, err := sample.Draw(ctx, m, o.Executor, *s)
	if err != nil {
		return err
	}
	if err := c.final(last, m.Points()); err != nil {
		return err
	}
	encoded, err := encode(m.Points(), s, shown)
	if err != nil {
		return err
	}
	caption := fmt.Sprintf("%d samples of step %d, %s in %d steps", s.N, c.Checkpoints[len(c.Checkpoints)-1].Step, s.Table.Name, s.Table.SampleSteps())
	if g != 0 && g != 1 {
		caption += fmt.Sprintf(", guidance %g", g)
	}
	c.Animation = &picture{caption, dataURL("image/gif", encoded)}
	return nil
}

// final draws the samples that the animation ends with.
func (c *content) final(x *model.Images, points bool) error {
	img, err := draw(x, points)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	c.Final = &picture{"the same samples at the end", dataURL("image/png", b.Bytes())}
	return nil
}

func draw(x *model.Images, points bool) (image.Image, error) {
	if points {
		return viz.Scatter(x.Data)
	}
	return viz.Grid(pictures(x), viz.GridOptions{})
}

// pictures converts to what viz draws.
func pictures(x *model.Images) viz.Images {
	return viz.Images{Data: x.Dense(false).Data().([]float32), N: x.N, C: x.C, H: x.H, W: x.W}
}

// sampling is the run's own sampler, with fewer steps where it has many.
func (o Options) sampling(m *model.Model, r *recipe.Recipe) (*sample.Options, float64, error) {
	method, err := r.Sampler().AtMost(m, o.Steps)
	if err != nil {
		return nil, 0, err
	}
	table, err := sample.Table(m, method)
	if err != nil {
		return nil, 0, err
	}
	s := &sample.Options{N: o.Samples, Seed: o.Seed, Table: table, Guidance: r.Sample.GuidanceScale}
	if s.N == 0 {
		s.N = 16
		if m.Points() {
			s.N = 1500
		}
	}
	if l := m.Signature.Labels(); l.Kind == nn.ClassCondition {
		for i := range s.N {
			s.Labels = append(s.Labels, int32(i%max(1, l.Named())))
		}
	}
	return s, s.Guidance, nil
}

// encode makes the animation's file.
func encode(points bool, s *sample.Options, shown map[int]*model.Images) ([]byte, error) {
	var g *gif.GIF
	var err error
	if points {
		var list []viz.Snapshot
		for i, step := range s.Table.Steps {
			if x := shown[i]; x != nil {
				list = append(list, viz.Snapshot{Label: fmt.Sprintf("t = %d", int(step.TPrev)+1), XY: x.Data})
			}
		}
		g, err = viz.AnimatePoints(list, viz.AnimationOptions{})
	} else {
		var list []viz.Images
		for i := range s.Table.Steps {
			if x := shown[i]; x != nil {
				list = append(list, pictures(x))
			}
		}
		g, err = viz.AnimateImages(list, viz.AnimationOptions{})
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = gif.EncodeAll(&b, g)
	return b.Bytes(), err
}
