package viz

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// Snapshot is a point set at one time.
type Snapshot struct {
	Label string    // for instance "t = 20"
	XY    []float32 // N,2: x, y, x, y, ...
}

// Field is a vector field at one time, sampled at N positions.
type Field struct {
	Label  string
	XY, UV []float32 // N,2: positions and vectors
}

// Process2D is what Figure shows. Forward and Reverse have the same number of
// snapshots as Drift, in the order of the columns (t = 0, T/2, T). Point i of a
// row's snapshots is one sample followed through time.
type Process2D struct {
	Forward, Reverse []Snapshot
	Drift            []Field
	Extent           float64 // half width of the shown square; 0: from the points
	PanelSize        int     // pixels; 0: 300
}

// Figure draws figure 1 of Sohl-Dickstein et al. (2015): the top row the
// forward process, the middle row the reverse process, the bottom row the
// learned drift f_mu(x, t) - x as arrows over the forward samples. A dot's colour is the rank of its
// distance from the origin in the row's first snapshot.
func Figure(p Process2D) (image.Image, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.PanelSize == 0 {
		p.PanelSize = 300
	}
	if p.Extent == 0 {
		p.Extent = p.extent()
	}
	const margin, gap, title = 20, 14, 40
	columns := len(p.Forward)
	c := newCanvas(2*margin+columns*p.PanelSize+(columns-1)*gap, 3*(p.PanelSize+title)+margin)
	at := func(row, column int) panel {
		x, y := margin+column*(p.PanelSize+gap), title+row*(p.PanelSize+title)
		return panel{c, image.Rect(x, y, x+p.PanelSize, y+p.PanelSize), p.Extent}
	}
	titles := []string{"Forward process: samples of the data, noised", "Reverse process: samples of the model",
		"Learned drift: fµ(x, t) − x"}
	for row, s := range titles {
		if err := c.text(margin, float64(at(row, 0).box.Min.Y)-11, 17, 0, s, ink); err != nil {
			return nil, err
		}
	}
	for row, snapshots := range [][]Snapshot{p.Forward, p.Reverse} {
		hue := RadiusHue(snapshots[0].XY)
		for column, s := range snapshots {
			if err := at(row, column).snapshot(s, hue); err != nil {
				return nil, err
			}
		}
	}
	for column, f := range p.Drift {
		if err := at(2, column).field(f, p.Forward[column].XY); err != nil {
			return nil, err
		}
	}
	return c.img, nil
}

func (p Process2D) check() error {
	if len(p.Forward) == 0 || len(p.Reverse) != len(p.Forward) || len(p.Drift) != len(p.Forward) {
		return fmt.Errorf("the figure has %d, %d and %d columns, want the same number, at least 1", len(p.Forward), len(p.Reverse), len(p.Drift))
	}
	for _, row := range [][]Snapshot{p.Forward, p.Reverse} {
		for _, s := range row {
			if err := checkPoints(s.Label, s.XY, len(row[0].XY)/2); err != nil {
				return err
			}
		}
	}
	for _, f := range p.Drift {
		if err := checkPoints(f.Label, f.XY, len(f.XY)/2); err != nil {
			return err
		}
		if err := checkPoints(f.Label, f.UV, len(f.XY)/2); err != nil {
			return err
		}
	}
	return nil
}

func (p Process2D) extent() float64 {
	var sets [][]float32
	for _, s := range p.Forward {
		sets = append(sets, s.XY)
	}
	return Extent(sets...)
}

func (p panel) snapshot(s Snapshot, hue []float64) error {
	p.frame()
	radius, alpha := dotStyle(len(s.XY)/2, p.box.Dx())
	p.scatter(s.XY, hue, radius, alpha)
	return p.label(s.Label, "")
}

// field draws arrows whose middle is their position. The longest but for fifteen
// percent, which are cut to that length, span nine tenths of the spacing; the panel's
// corner says by how much they are scaled. Pale dots show the samples.
func (p panel) field(f Field, samples []float32) error {
	p.frame()
	radius, _ := dotStyle(len(samples)/2, p.box.Dx())
	p.scatter(samples, nil, radius, 0.6)
	n := len(f.XY) / 2
	if n == 0 {
		return p.label(f.Label, "")
	}
	length := make([]float64, n)
	for i := range length {
		length[i] = math.Hypot(float64(f.UV[2*i]), float64(f.UV[2*i+1]))
	}
	sorted := slices.Sorted(slices.Values(length))
	longest := sorted[(n-1)*85/100]
	if longest == 0 {
		return p.label(f.Label, "zero")
	}
	spacing := 2 * p.extent / math.Sqrt(float64(n))
	scale := 0.9 * spacing / longest
	outer := p.c.clip
	p.c.clip = p.box.Inset(1)
	width := max(float64(p.box.Dx())/240, 1)
	for i := range n {
		shown := scale * min(1, longest/max(length[i], longest))
		dx, dy := float64(f.UV[2*i])*shown/2, float64(f.UV[2*i+1])*shown/2
		x0, y0 := p.pixel(float64(f.XY[2*i])-dx, float64(f.XY[2*i+1])-dy)
		x1, y1 := p.pixel(float64(f.XY[2*i])+dx, float64(f.XY[2*i+1])+dy)
		p.c.arrow(x0, y0, x1, y1, width, spectrumAt(length[i]/longest))
	}
	p.c.clip = outer
	return p.label(f.Label, fmt.Sprintf("arrows × %.2g", scale))
}

// label writes one text into the panel's top left corner and one into its top
// right corner.
func (p panel) label(left, right string) error {
	y := float64(p.box.Min.Y) + 19
	if err := p.plate(float64(p.box.Min.X)+8, y, 0, left); err != nil {
		return err
	}
	return p.plate(float64(p.box.Max.X)-8, y, 1, right)
}

// plate writes a text over a pale ground so that it reads on top of dots.
func (p panel) plate(x, y, align float64, s string) error {
	if s == "" {
		return nil
	}
	w := textWidth(s, 14)
	left := x - align*w
	ground := mix(paper, faint, 0.08)
	p.c.polygon([]point{{left - 4, y - 14}, {left + w + 4, y - 14}, {left + w + 4, y + 5}, {left - 4, y + 5}}, ground)
	return p.c.text(x, y, 14, align, s, muted)
}
