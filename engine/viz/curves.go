package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Curve is a named line.
type Curve struct {
	Name string
	X, Y []float64
}

// LogCurves draws lines on two logarithmic axes; numbers that are not positive are left out. The picture has 1280 x 900 pixels.
func LogCurves(title, x, y string, curves []Curve) (image.Image, error) {
	p := styledPlot(title)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(logTicks), plot.TickerFunc(logTicks)
	shown := 0
	for i, c := range curves {
		var xy plotter.XYs
		for k := range c.X {
			if c.X[k] > 0 && c.Y[k] > 0 {
				xy = append(xy, plotter.XY{X: c.X[k], Y: c.Y[k]})
			}
		}
		if len(xy) == 0 {
			continue
		}
		line, points, err := plotter.NewLinePoints(xy)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = hue(i, len(curves)), 1.4
		points.GlyphStyle = draw.GlyphStyle{Color: line.Color, Radius: 1.8, Shape: draw.CircleGlyph{}}
		if i%2 == 1 {
			line.Dashes = []vg.Length{4, 2}
		}
		p.Add(line, points)
		p.Legend.Add(c.Name, line, points)
		shown++
	}
	if shown == 0 {
		return nil, fmt.Errorf("no curve has a positive number to show")
	}
	p.Legend.Top, p.Legend.Left = false, true
	p.Legend.XOffs, p.Legend.YOffs = 8, 6
	const dpi, width, height = 144, 1280, 900
	c := vgimg.NewWith(vgimg.UseWH(width*vg.Inch/dpi, height*vg.Inch/dpi), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	p.Draw(draw.Crop(draw.New(c), 10, -14, 8, -10))
	return c.Image(), nil
}

// hue spreads n colours of equal strength around the circle.
func hue(i, n int) color.Color {
	at := func(shift float64) uint8 {
		return uint8(120 + 100*math.Cos(2*math.Pi*(float64(i)/float64(n)+shift)))
	}
	return color.RGBA{at(0), at(2.0 / 3), at(1.0 / 3), 255}
}
