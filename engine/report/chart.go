package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// series is one curve of a chart. Points that are not finite, or on a logarithmic axis not positive, are left out.
type series struct {
	name  string
	class string // "faint", "line", "second" or "dots", which the page styles
	x, y  []float64
}

// chart is a line chart over training steps.
type chart struct {
	title  string
	log    bool
	wide   bool // over the whole page
	series []series
}

// The chart's size and the margins of its plotting area, in SVG units.
const (
	narrowW, wideW, chartH              = 640.0, 1310.0, 300.0
	marginL, marginR, marginT, marginBt = 58.0, 24.0, 14.0, 34.0
)

func (c chart) width() float64 {
	if c.wide {
		return wideW
	}
	return narrowW
}

// columns is into how many columns long curves are gathered; of each the least and the greatest value are drawn.
const columns = 400

// scale maps values to the plotting area.
type scale struct {
	x0, x1, y0, y1 float64
	width          float64
	log            bool
}

func (s scale) x(v float64) float64 {
	return marginL + (v-s.x0)/(s.x1-s.x0)*(s.width-marginL-marginR)
}

func (s scale) y(v float64) float64 {
	lo, hi := s.y0, s.y1
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return chartH - marginBt - (v-lo)/(hi-lo)*(chartH-marginT-marginBt)
}

// drawable reports whether a point can be shown.
func (c chart) drawable(y float64) bool {
	return !math.IsNaN(y) && !math.IsInf(y, 0) && (!c.log || y > 0)
}

// clean drops the points that cannot be shown.
func (c chart) clean() chart {
	out := chart{title: c.title, log: c.log, wide: c.wide}
	for _, s := range c.series {
		kept := series{name: s.name, class: s.class}
		for i, y := range s.y {
			if c.drawable(y) {
				kept.x, kept.y = append(kept.x, s.x[i]), append(kept.y, y)
			}
		}
		if len(kept.x) > 0 {
			out.series = append(out.series, kept)
		}
	}
	return out
}

// scale covers all points with some air.
func (c chart) scale() scale {
	s := scale{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1), c.width(), c.log}
	for _, r := range c.series {
		for i, y := range r.y {
			s.x0, s.x1 = math.Min(s.x0, r.x[i]), math.Max(s.x1, r.x[i])
			s.y0, s.y1 = math.Min(s.y0, y), math.Max(s.y1, y)
		}
	}
	if s.x0 == s.x1 {
		s.x0, s.x1 = s.x0-1, s.x1+1
	}
	switch {
	case c.log:
		s.y0, s.y1 = s.y0/1.15, s.y1*1.15
	case s.y0 >= 0:
		s.y0, s.y1 = 0, s.y1*1.08
		if s.y1 == 0 {
			s.y1 = 1
		}
	default:
		air := (s.y1 - s.y0) * 0.08
		s.y0, s.y1 = s.y0-air, s.y1+air
	}
	return s
}

// svg draws the chart; "" where it has no point.
func (c chart) svg() template.HTML {
	c = c.clean()
	if len(c.series) == 0 {
		return ""
	}
	s := c.scale()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, s.width, chartH, html.EscapeString(c.title))
	axes(&b, s)
	for _, r := range c.series {
		r.draw(&b, s)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // numbers and escaped text
}

func axes(b *strings.Builder, s scale) {
	right, bottom := s.width-marginR, chartH-marginBt
	ticks := linearTicks(s.y0, s.y1, 5)
	if s.log && s.y1/s.y0 > 4 {
		ticks = logTicks(s.y0, s.y1)
	}
	for _, v := range ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, marginL, right, s.y(v), s.y(v))
		fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, marginL-7, s.y(v)+4, number(v))
	}
	for _, v := range linearTicks(s.x0, s.x1, int(s.width/110)) {
		if v == math.Trunc(v) {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, s.x(v), bottom+17, number(v))
		}
	}
	fmt.Fprintf(b, `<line class="axis" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, marginL, right, bottom, bottom)
	fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="end">step</text>`, right, bottom+31)
}

func (r series) draw(b *strings.Builder, s scale) {
	if r.class == "dots" || len(r.x) == 1 {
		for i := range r.x {
			fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"><title>%s, step %s: %s</title></circle>`, r.class, s.x(r.x[i]), s.y(r.y[i]),
				html.EscapeString(r.name), number(r.x[i]), strconv.FormatFloat(r.y[i], 'g', 5, 64))
		}
		return
	}
	xs, ys := gathered(r.x, r.y)
	fmt.Fprintf(b, `<polyline class="%s" points="`, r.class)
	for i := range xs {
		fmt.Fprintf(b, "%.1f,%.1f ", s.x(xs[i]), s.y(ys[i]))
	}
	b.WriteString(`"/>`)
}

// gathered keeps the least and the greatest value of each column of a long curve, in their order, so that no spike is lost.
func gathered(x, y []float64) (xs, ys []float64) {
	if len(x) <= 2*columns {
		return x, y
	}
	for k := range columns {
		lo, hi := k*len(x)/columns, (k+1)*len(x)/columns
		least, most := lo, lo
		for i := lo; i < hi; i++ {
			if y[i] < y[least] {
				least = i
			}
			if y[i] > y[most] {
				most = i
			}
		}
		for _, i := range []int{min(least, most), max(least, most)} {
			xs, ys = append(xs, x[i]), append(ys, y[i])
		}
	}
	return xs, ys
}

// smoothed is the exponential moving average with bias correction, over about a sixtieth of the curve.
func smoothed(y []float64) []float64 {
	keep := 1 - 1/math.Max(1, math.Min(50, float64(len(y))/60))
	out, sum, weight := make([]float64, len(y)), 0.0, 0.0
	for i, v := range y {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			sum, weight = keep*sum+(1-keep)*v, keep*weight+(1-keep)
		}
		out[i] = sum / weight
	}
	return out
}

// linearTicks are about n round numbers inside lo..hi.
func linearTicks(lo, hi float64, n int) []float64 {
	raw := (hi - lo) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if step*f >= raw {
			step *= f
			break
		}
	}
	var ticks []float64
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi*(1+1e-12); k++ {
		ticks = append(ticks, k*step+0) // + 0: no minus zero
	}
	return ticks
}

// logTicks are the powers of ten inside lo..hi, with 2 and 5 times them where there are few.
func logTicks(lo, hi float64) []float64 {
	factors := []float64{1}
	if math.Log10(hi/lo) < 2.5 {
		factors = []float64{1, 2, 5}
	}
	var ticks []float64
	for k := math.Floor(math.Log10(lo)); k <= math.Ceil(math.Log10(hi)); k++ {
		for _, f := range factors {
			if v := f * math.Pow(10, k); v >= lo && v <= hi {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// number writes a tick: thousands as k and M, small numbers with few digits.
func number(v float64) string {
	text := func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
	switch a := math.Abs(v); {
	case a >= 1e6:
		return text(v/1e6) + "M"
	case a >= 1e4:
		return text(v/1e3) + "k"
	case a != 0 && a < 1e-4:
		return strconv.FormatFloat(v, 'e', 0, 64)
	}
	return text(math.Round(v*1e7) / 1e7)
}
