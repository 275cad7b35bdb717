package viz

import (
	"fmt"
	"image"
)

// maxScatterDims bounds the coordinates that ScatterMatrix draws.
const maxScatterDims = 6

// ScatterMatrix draws n points of dims coordinates, N,D, as a square of scatter plots: the panel in
// row i and column j shows coordinate j against coordinate i. Of more than six coordinates, the first
// six are drawn; one coordinate is an error.
func ScatterMatrix(points []float32, dims int) (image.Image, error) {
	if dims < 2 || len(points) == 0 || len(points)%dims != 0 {
		return nil, fmt.Errorf("a scatter matrix of %d values in %d dimensions: expected points of at least 2", len(points), dims)
	}
	n, drawn := len(points)/dims, min(dims, maxScatterDims)
	const margin = 10
	size := 600 / drawn
	side := drawn*(size+margin) + margin
	c := newCanvas(side, side)
	for i := range drawn {
		for j := range drawn {
			xy := make([]float32, 0, 2*n)
			for k := range n {
				xy = append(xy, points[k*dims+j], points[k*dims+i])
			}
			if err := checkPoints("points", xy, n); err != nil {
				return nil, err
			}
			at := image.Pt(margin+j*(size+margin), margin+i*(size+margin))
			p := panel{c, image.Rectangle{at, at.Add(image.Pt(size, size))}, wholeExtent(xy)}
			p.frame()
			radius, alpha := dotStyle(n, size)
			p.scatter(xy, RadiusHue(xy), radius, alpha)
		}
	}
	return c.img, nil
}
