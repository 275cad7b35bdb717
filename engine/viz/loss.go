package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Loss is a training run's record. Steps and Values have the same length, and
// so have HeldOutSteps and HeldOutValues; each may be empty. Values that are
// not finite are left out.
type Loss struct {
	Steps, HeldOutSteps   []int
	Values, HeldOutValues []float64
	Title                 string
	Log                   bool    // logarithmic loss axis
	Smoothing             float64 // of the bold line: weight of the past, in [0, 1); 0: chosen from the length
}

// LossCurve draws the training loss faintly, its exponential moving average
// (with bias correction) in bold, and the held-out loss as dots. The picture
// has 1280 x 800 pixels.
func LossCurve(l Loss) (image.Image, error) {
	train, err := curve("training loss", l.Steps, l.Values, l.Log)
	if err != nil {
		return nil, err
	}
	held, err := curve("held-out loss", l.HeldOutSteps, l.HeldOutValues, l.Log)
	if err != nil {
		return nil, err
	}
	if len(train)+len(held) == 0 {
		return nil, fmt.Errorf("the loss curve has no finite value to show")
	}
	p := styledPlot(l.Title)
	smooth := smoothed(train, l.smoothing(len(train)))
	if err := addCurves(p, train, smooth, held); err != nil {
		return nil, err
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(linearTicks), plot.TickerFunc(linearTicks)
	if l.Log {
		p.Y.Scale = plot.LogScale{}
		p.Y.Tick.Marker = plot.TickerFunc(logTicks)
		p.Y.Min, p.Y.Max = p.Y.Min/1.1, p.Y.Max*1.1
	}
	const dpi, width, height = 144, 1280, 800
	c := vgimg.NewWith(vgimg.UseWH(width*vg.Inch/dpi, height*vg.Inch/dpi), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	area := draw.New(c)
	p.Draw(draw.Crop(area, 10, -14, 8, -10))
	return c.Image(), nil
}

// smoothing keeps about a fortieth of the record in the average.
func (l Loss) smoothing(n int) float64 {
	if l.Smoothing > 0 && l.Smoothing < 1 {
		return l.Smoothing
	}
	return 1 - 1/max(float64(n)/40, 1)
}

// curve pairs steps and values, without the values that cannot be drawn.
func curve(name string, steps []int, values []float64, log bool) (plotter.XYs, error) {
	if len(steps) != len(values) {
		return nil, fmt.Errorf("the %s has %d steps and %d values, want as many", name, len(steps), len(values))
	}
	var xy plotter.XYs
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || (log && v <= 0) {
			continue
		}
		xy = append(xy, plotter.XY{X: float64(steps[i]), Y: v})
	}
	return xy, nil
}

// smoothed returns the exponential moving average with bias correction.
func smoothed(xy plotter.XYs, keep float64) plotter.XYs {
	out := make(plotter.XYs, len(xy))
	sum, weight := 0.0, 0.0
	for i, p := range xy {
		sum, weight = keep*sum+(1-keep)*p.Y, keep*weight+(1-keep)
		out[i] = plotter.XY{X: p.X, Y: sum / weight}
	}
	return out
}

func addCurves(p *plot.Plot, train, smooth, held plotter.XYs) error {
	if len(train) > 0 {
		for _, c := range []struct {
			xy    plotter.XYs
			color color.Color
			width vg.Length
			name  string
		}{{train, mix(paper, accent, 0.3), 0.6, "training"}, {smooth, accent, 1.6, "training, smoothed"}} {
			line, err := plotter.NewLine(c.xy)
			if err != nil {
				return err
			}
			line.Color, line.Width = c.color, c.width
			p.Add(line)
			p.Legend.Add(c.name, line)
		}
	}
	if len(held) == 0 {
		return nil
	}
	line, dots, err := plotter.NewLinePoints(held)
	if err != nil {
		return err
	}
	line.Color, line.Width = mix(paper, contrast, 0.6), 0.8
	dots.GlyphStyle = draw.GlyphStyle{Color: contrast, Radius: 2.4, Shape: draw.CircleGlyph{}}
	p.Add(line, dots)
	p.Legend.Add("held out", dots)
	return nil
}

// styledPlot returns an empty plot in the style of the other pictures.
func styledPlot(title string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = paper
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "step", "loss"
	sans := func(size vg.Length) font.Font { return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size} }
	p.Title.TextStyle.Font, p.Title.TextStyle.Color, p.Title.Padding = sans(12), ink, 8
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = sans(9), ink
	p.Legend.Top, p.Legend.Padding, p.Legend.XOffs, p.Legend.YOffs = true, 2, -8, -6
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Label.TextStyle.Color = sans(10), ink
		axis.Tick.Label.Font, axis.Tick.Label.Color = sans(9), muted
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = faint, faint
		axis.Tick.Length = 4
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = mix(paper, faint, 0.6), mix(paper, faint, 0.6)
	p.Add(grid)
	return p
}

// linearTicks marks multiples of 1, 2 or 5 times a power of ten, at most nine.
func linearTicks(low, high float64) []plot.Tick {
	if !(high > low) {
		return []plot.Tick{{Value: low, Label: strconv.FormatFloat(low, 'g', 4, 64)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/8)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (high-low)/(m*step) <= 8 {
			step *= m
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		label := strconv.FormatFloat(i*step, 'f', max(0, int(math.Ceil(-math.Log10(step)-1e-9))), 64)
		ticks = append(ticks, plot.Tick{Value: i * step, Label: label})
	}
	return ticks
}

// logTicks marks 1, 2 and 5 times the powers of ten, or only the powers where
// the axis spans more than two decades.
func logTicks(low, high float64) []plot.Tick {
	if !(low > 0) || !(high > low) {
		return nil
	}
	mantissas := []float64{1, 2, 5}
	switch decades := math.Log10(high / low); {
	case decades > 2:
		mantissas = []float64{1}
	case decades < 0.7:
		mantissas = []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range mantissas {
			if v := m * math.Pow(10, e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return ticks
}
