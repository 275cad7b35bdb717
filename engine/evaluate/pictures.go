package evaluate

import (
	"fmt"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/viz"
)

// The pictures of WritePictures.
const (
	FigureFile    = "figure.png"
	AnimationFile = "reverse.gif"
)

// drawn is how many of the points the animation shows.
const drawn = 1500

// WritePictures draws the figure of Sohl-Dickstein et al. 2015 and the animation of the reverse process into a directory.
func (rep *PointsReport) WritePictures(mach exec.Executor, m *model.Model, dir string) error {
	extent := viz.Extent(rep.forward[0].xy, rep.reverse[len(rep.reverse)-1].xy)
	p := viz.Process2D{Extent: extent}
	for i := range rep.forward {
		label := fmt.Sprintf("t = %d", rep.forward[i].t)
		if rep.forward[i].t == m.Process.Timesteps()-1 {
			label = fmt.Sprintf("t = T = %d", m.Process.Timesteps())
		}
		p.Forward = append(p.Forward, viz.Snapshot{Label: label, XY: rep.forward[i].xy})
		p.Reverse = append(p.Reverse, viz.Snapshot{Label: label, XY: rep.reverse[i].xy})
		f, err := drift(mach, m, rep.forward[i].t, extent)
		if err != nil {
			return err
		}
		p.Drift = append(p.Drift, viz.Field{Label: label, XY: f.XY, UV: f.UV})
	}
	img, err := viz.Figure(p)
	if err != nil {
		return err
	}
	if err := viz.WritePNG(filepath.Join(dir, FigureFile), img); err != nil {
		return err
	}
	var frames []viz.Snapshot
	for _, i := range viz.Frames(len(rep.frames), 40) {
		n := min(len(rep.frames[i].xy), 2*drawn)
		frames = append(frames, viz.Snapshot{Label: rep.frames[i].label, XY: rep.frames[i].xy[:n]})
	}
	g, err := viz.AnimatePoints(frames, viz.AnimationOptions{Extent: extent})
	if err != nil {
		return err
	}
	return viz.WriteGIF(filepath.Join(dir, AnimationFile), g)
}

// drift is f_mu(x, t) - x, the mean of the learned reverse step less x, on a grid.
func drift(mach exec.Executor, m *model.Model, t int, extent float64) (viz.Field, error) {
	table, err := sample.Table(m, sample.Method{Name: "ddpm"})
	if err != nil {
		return viz.Field{}, err
	}
	step := table.Steps[len(table.Steps)-1-t]
	f := viz.Field{XY: viz.ArrowGrid(extent, 17)}
	n := len(f.XY) / 2
	times := make([]float32, n)
	for i := range times {
		times[i] = float32(step.T)
	}
	y, err := m.Predict(mach, model.Batch{X: &model.Images{N: n, H: 1, W: 1, C: 2, Data: f.XY}, T: times})
	if err != nil {
		return viz.Field{}, err
	}
	f.UV = make([]float32, 2*n)
	for i, x := range f.XY {
		x0 := step.X0X*float64(x) + step.X0Out*float64(y.Data[i])
		f.UV[i] = float32(step.Next.X0*x0 + step.Next.X*float64(x) - float64(x))
	}
	return f, nil
}
