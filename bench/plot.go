package bench

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

var (
	ink    = color.RGBA{0x26, 0x2b, 0x33, 0xff}
	muted  = color.RGBA{0x7a, 0x82, 0x8e, 0xff}
	faint  = color.RGBA{0xe6, 0xe9, 0xed, 0xff}
	accent = color.RGBA{0x2b, 0x6c, 0xb0, 0xff}
	grey   = color.RGBA{0xa9, 0xb1, 0xbc, 0xff}
)

const (
	plotDPI     = 144
	plotWidth   = 1280 // pixels
	panelHeight = 260
	plotHead    = 120
)

// Plot draws a panel for each result: both sides' median time a step as bars with the 10th and 90th percentile as a line, and the
// wall as a dashed line.
func Plot(rows []StepRow) (image.Image, error) {
	if len(rows) == 0 {
		return nil, errors.New("no result to draw")
	}
	height := plotHead + panelHeight*len(rows)
	c := vgimg.NewWith(vgimg.UseWH(pixels(plotWidth), pixels(height)), vgimg.UseDPI(plotDPI), vgimg.UseBackgroundColor(color.White))
	area := draw.New(c)
	r := rows[0]
	area.FillText(style(13, ink, draw.XLeft), vg.Point{X: pixels(40), Y: area.Max.Y - pixels(46)}, "Training step, milliseconds: less is better")
	about := fmt.Sprintf("%s, %s each, %s of %s in turn, load %.2f; PyTorch %s %s; BLAS %s", r.Device, count(r.Threads, "thread"), count(r.Rounds, "round"),
		count(r.Steps, "step"), r.Load, r.Peer, r.Layout, r.BLAS)
	area.FillText(style(8, muted, draw.XLeft), vg.Point{X: pixels(40), Y: area.Max.Y - pixels(78)}, about)
	for i, r := range rows {
		top := area.Max.Y - pixels(plotHead+i*panelHeight)
		panel(r).Draw(draw.Canvas{Canvas: area.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: pixels(40), Y: top - pixels(panelHeight-30)}, Max: vg.Point{X: area.Max.X - pixels(40), Y: top - pixels(10)}}})
	}
	return c.Image(), nil
}

// panel is the plot of one result.
func panel(r StepRow) *plot.Plot {
	p := plot.New()
	p.Title.Text = r.label()
	if r.Void() {
		p.Title.Text += ": void, parity " + r.Parity
	} else {
		p.Title.Text += fmt.Sprintf(": PyTorch / unnoise = %.2f", r.Ratio)
	}
	p.Title.TextStyle, p.Title.Padding = style(10, ink, draw.XCenter), pixels(12)
	p.X.Min, p.X.Max = 0, 1.22*max(r.Ours.P90, r.Theirs.P90, r.RooflineMS)
	p.Y.Min, p.Y.Max = -0.6, 1.6
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 1, Label: Ours}, {Value: 0, Label: "PyTorch"}}
	p.X.Tick.Marker = plot.TickerFunc(ticks)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Tick.Label.Font, a.Tick.Label.Color = sans(9), ink
		a.LineStyle.Color, a.Tick.LineStyle.Color = grey, grey
	}
	p.X.Tick.Label.Color, p.Y.Tick.Length, p.Y.LineStyle.Width = muted, 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Width = faint, 0
	p.Add(grid, stepBars(r))
	return p
}

// ticks marks multiples of 1, 2 or 5 times a power of ten, at most nine from zero on.
func ticks(_, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10(high/8)))
	for _, m := range []float64{1, 2, 5, 10} {
		if high/(m*step) <= 8 {
			step *= m
			break
		}
	}
	var list []plot.Tick
	for i := 0; float64(i)*step <= high; i++ {
		list = append(list, plot.Tick{Value: float64(i) * step, Label: strconv.FormatFloat(float64(i)*step, 'g', 6, 64)})
	}
	return list
}

// stepBars draws the two bars and the wall of a result.
type stepBars StepRow

// Plot implements plot.Plotter.
func (b stepBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const half = 0.3
	for _, bar := range []struct {
		at    float64
		times Times
		fill  color.Color
	}{{1, b.Ours, accent}, {0, b.Theirs, grey}} {
		low, high := y(bar.at-half), y(bar.at+half)
		c.FillPolygon(bar.fill, []vg.Point{{X: x(0), Y: low}, {X: x(bar.times.Median), Y: low}, {X: x(bar.times.Median), Y: high}, {X: x(0), Y: high}})
		spread := draw.LineStyle{Color: ink, Width: 0.8}
		for _, q := range []float64{bar.times.P10, bar.times.P90} {
			c.StrokeLine2(spread, x(q), y(bar.at-half/3), x(q), y(bar.at+half/3))
		}
		c.StrokeLine2(spread, x(bar.times.P10), y(bar.at), x(bar.times.P90), y(bar.at))
		right := style(9, ink, draw.XLeft)
		right.YAlign = -0.4 // digits have no descender
		c.FillText(right, vg.Point{X: x(max(bar.times.Median, bar.times.P90)) + pixels(10), Y: y(bar.at)}, fmt.Sprintf("%.0f ms", bar.times.Median))
	}
	wall := draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{3, 2}}
	c.StrokeLine2(wall, x(b.RooflineMS), y(-0.55), x(b.RooflineMS), y(1.55))
	c.FillText(style(8, muted, draw.XCenter), vg.Point{X: x(b.RooflineMS), Y: y(1.55) + pixels(4)}, fmt.Sprintf("wall %.0f ms", b.RooflineMS))
}

func pixels(n int) vg.Length { return vg.Length(n) * vg.Inch / plotDPI }

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func style(size vg.Length, c color.Color, align draw.XAlignment) text.Style {
	return text.Style{Color: c, Font: sans(size), XAlign: align, Handler: plot.DefaultTextHandler}
}
