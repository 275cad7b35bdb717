package viz

import (
	"image"
	"math"
)

// Scatter draws a 2-D point set, N,2, coloured by the rank of its distance from the origin, on a square of 600 pixels.
func Scatter(xy []float32) (image.Image, error) {
	if err := checkPoints("points", xy, len(xy)/2); err != nil {
		return nil, err
	}
	const size, margin = 600, 20
	c := newCanvas(size+2*margin, size+2*margin)
	p := panel{c, image.Rect(margin, margin, margin+size, margin+size), wholeExtent(xy)}
	p.frame()
	radius, alpha := dotStyle(len(xy)/2, size)
	p.scatter(xy, RadiusHue(xy), radius, alpha)
	return c.img, nil
}

// wholeExtent is Extent widened to show every point, unless that would make the others small for the sake of a few far ones.
func wholeExtent(xy []float32) float64 {
	far := 0.0
	for _, v := range xy {
		far = max(far, 1.05*math.Abs(float64(v)))
	}
	extent := Extent(xy)
	if far > 1.5*extent {
		return extent
	}
	return max(extent, far)
}
