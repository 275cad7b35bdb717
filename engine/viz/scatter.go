package viz

import "image"

// Scatter draws a 2-D point set, N,2, coloured by the rank of its distance from the origin, on a square of 600 pixels.
func Scatter(xy []float32) (image.Image, error) {
	if err := checkPoints("points", xy, len(xy)/2); err != nil {
		return nil, err
	}
	const size, margin = 600, 20
	c := newCanvas(size+2*margin, size+2*margin)
	p := panel{c, image.Rect(margin, margin, margin+size, margin+size), Extent(xy)}
	p.frame()
	radius, alpha := dotStyle(len(xy)/2, size)
	p.scatter(xy, RadiusHue(xy), radius, alpha)
	return c.img, nil
}
