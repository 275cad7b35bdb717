package viz

import (
	"fmt"
	"image"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Bound is a variational bound by timestep, in rising order of T.
type Bound struct {
	Title string
	T     []int
	Bits  []float64 // L_t in bits/dim
	Rate  []float64 // bits/dim received before t is decoded
	RMSE  []float64 // root mean squared error of the estimate of x_0 at t
}

// BoundCurves draws L_t over t on a logarithmic axis (left) and the rate-distortion curve (right). Terms that are not
// positive are left out of the left one. The picture has 1600 x 700 pixels.
func BoundCurves(b Bound) (image.Image, error) {
	var terms, curve plotter.XYs
	for i, t := range b.T {
		if b.Bits[i] > 0 {
			terms = append(terms, plotter.XY{X: float64(t), Y: b.Bits[i]})
		}
		curve = append(curve, plotter.XY{X: b.Rate[i], Y: b.RMSE[i]})
	}
	if len(terms) == 0 {
		return nil, fmt.Errorf("the bound has no positive term to show")
	}
	left := styledPlot(b.Title)
	left.X.Label.Text, left.Y.Label.Text = "t", "bits/dim"
	left.Y.Scale, left.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	right := styledPlot("rate and distortion")
	right.X.Label.Text, right.Y.Label.Text = "rate, bits/dim", "RMSE of x_0"
	right.X.Tick.Marker, right.Y.Tick.Marker = plot.TickerFunc(linearTicks), plot.TickerFunc(linearTicks)
	for _, side := range []struct {
		p  *plot.Plot
		xy plotter.XYs
	}{{left, terms}, {right, curve}} {
		line, err := plotter.NewLine(side.xy)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = contrast, 1.2
		side.p.Add(line)
	}
	const dpi, width, height = 144, 1600, 700
	c := vgimg.NewWith(vgimg.UseWH(width*vg.Inch/dpi, height*vg.Inch/dpi), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	area := draw.New(c)
	middle := area.Size().X / 2
	left.Draw(draw.Crop(area, 10, -middle, 8, -10))
	right.Draw(draw.Crop(area, middle+10, -14, 8, -10))
	return c.Image(), nil
}
