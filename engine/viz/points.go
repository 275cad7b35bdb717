package viz

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// checkPoints reports an array that is not n pairs of finite coordinates.
func checkPoints(name string, xy []float32, n int) error {
	if len(xy) != 2*n {
		return fmt.Errorf("%s has %d values, want %d points of 2", name, len(xy), n)
	}
	for i, v := range xy {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s: point %d has the coordinate %g", name, i/2, v)
		}
	}
	return nil
}

// RadiusHue returns a hue in [0, 1] for each point of xy (x, y, x, y, ...): the
// rank of its distance from the origin. On a swiss roll it runs along the
// spiral.
func RadiusHue(xy []float32) []float64 {
	n := len(xy) / 2
	order := make([]int, n)
	radius := make([]float64, n)
	for i := range order {
		order[i] = i
		radius[i] = math.Hypot(float64(xy[2*i]), float64(xy[2*i+1]))
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case radius[a] < radius[b]:
			return -1
		case radius[a] > radius[b]:
			return 1
		}
		return 0
	})
	hue := make([]float64, n)
	for rank, i := range order {
		hue[i] = float64(rank) / float64(max(n-1, 1))
	}
	return hue
}

// Extent returns the half width of a square around the origin that shows all
// but at most the farthest 1.5 percent of the coordinates of the given point
// sets, with a tenth more.
func Extent(sets ...[]float32) float64 {
	var all []float64
	for _, xy := range sets {
		for _, v := range xy {
			all = append(all, math.Abs(float64(v)))
		}
	}
	if len(all) == 0 {
		return 1
	}
	slices.Sort(all)
	extent := 1.1 * all[(len(all)-1)*985/1000]
	if extent == 0 {
		return 1
	}
	return extent
}

// ArrowGrid returns n x n positions, evenly spread over the square of the given
// half width: where to sample a field for Figure.
func ArrowGrid(extent float64, n int) []float32 {
	xy := make([]float32, 0, 2*n*n)
	for i := range n * n {
		column, row := i%n, i/n
		xy = append(xy, float32(extent*(2*float64(column)+1-float64(n))/float64(n)), float32(extent*(2*float64(row)+1-float64(n))/float64(n)))
	}
	return xy
}

// panel is a square part of a canvas that shows [-extent, extent]^2.
type panel struct {
	c      *canvas
	box    image.Rectangle
	extent float64
}

func (p panel) pixel(x, y float64) (px, py float64) {
	size := float64(p.box.Dx())
	return float64(p.box.Min.X) + size*(x/p.extent+1)/2, float64(p.box.Min.Y) + size*(1-y/p.extent)/2
}

// frame draws the panel's border and faint axes through the origin.
func (p panel) frame() {
	x, y := p.pixel(0, 0)
	grid := mix(paper, faint, 0.5)
	p.c.line(x, float64(p.box.Min.Y), x, float64(p.box.Max.Y), 1, grid)
	p.c.line(float64(p.box.Min.X), y, float64(p.box.Max.X), y, 1, grid)
	p.c.outline(p.box, faint)
}

// scatter draws points as translucent dots, pale ones if hue is nil.
func (p panel) scatter(xy []float32, hue []float64, radius, alpha float64) {
	outer := p.c.clip
	p.c.clip = p.box.Inset(1)
	for i := range len(xy) / 2 {
		col := faint
		if hue != nil {
			col = spectrumAt(hue[i])
		}
		px, py := p.pixel(float64(xy[2*i]), float64(xy[2*i+1]))
		if math.Abs(px) < 1e6 && math.Abs(py) < 1e6 {
			p.c.dot(px, py, radius, col, alpha)
		}
	}
	p.c.clip = outer
}

// dotStyle chooses a radius and an opacity at which n points in a square of
// size pixels show both their outline and their density.
func dotStyle(n, size int) (radius, alpha float64) {
	area := float64(size) * float64(size) / float64(max(n, 1))
	radius = min(max(0.16*math.Sqrt(area), 0.9), 3.2) * max(float64(size)/300, 1)
	return radius, min(max(0.1*area, 0.35), 0.85)
}
