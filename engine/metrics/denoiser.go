package metrics

import (
	"fmt"
	"math"
)

// Denoiser is the closed-form optimum for a finite set of points x_i, each as
// likely as any other: x_0*(x, t) = sum w_i x_i with w = softmax_i of
// -|x - sqrt(abar) x_i|^2 / (2 (1 - abar)), the posterior mean, which no network
// beats in mean squared error. It is safe for concurrent use.
type Denoiser struct {
	points []float64 // N x dim
	dim    int
}

// NewDenoiser returns the optimum for points of dim coordinates, one after the
// other.
func NewDenoiser(points []float32, dim int) (*Denoiser, error) {
	if dim < 1 || len(points) == 0 || len(points)%dim != 0 {
		return nil, fmt.Errorf("metrics: %d values are not points of dimension %d", len(points), dim)
	}
	for i, v := range points {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("metrics: coordinate %d of point %d is %v", i%dim, i/dim, v)
		}
	}
	return &Denoiser{widen(points), dim}, nil
}

// Len is the number of points.
func (d *Denoiser) Len() int { return len(d.points) / d.dim }

// X0 writes the posterior mean of x_0 given x_t = x at abar to dst and returns
// the posterior variance: the expected squared distance of x_0 from it, summed
// over the coordinates. x and dst have dim elements; abar lies in (0, 1).
func (d *Denoiser) X0(dst, x []float64, abar float64) (variance float64) {
	root := math.Sqrt(abar)
	scale := -0.5 / (1 - abar)
	least := math.Inf(1)
	n := d.Len()
	for i := range n {
		least = min(least, d.distance(x, root, i))
	}
	clear(dst)
	total := 0.0
	for i := range n {
		w := exp(max(scale*(d.distance(x, root, i)-least), -700))
		total += w
		for k, v := range d.points[i*d.dim : (i+1)*d.dim] {
			dst[k] += w * v
		}
	}
	for k := range dst {
		dst[k] /= total
	}
	for i := range n {
		w := exp(max(scale*(d.distance(x, root, i)-least), -700))
		for k, v := range d.points[i*d.dim : (i+1)*d.dim] {
			variance += w * (v - dst[k]) * (v - dst[k])
		}
	}
	return variance / total
}

// distance is |x - root x_i|^2.
func (d *Denoiser) distance(x []float64, root float64, i int) float64 {
	sq := 0.0
	for k, v := range d.points[i*d.dim : (i+1)*d.dim] {
		e := x[k] - root*v
		sq += e * e
	}
	return sq
}

// Epsilon writes the optimal noise estimate of every row of x, M x dim, at abar
// to dst, on all cores: (x - sqrt(abar) x_0*) / sqrt(1 - abar).
func (d *Denoiser) Epsilon(dst, x []float32, abar float64) error {
	if len(dst) != len(x) || len(x)%d.dim != 0 {
		return fmt.Errorf("metrics: %d values to denoise into %d; want a multiple of %d", len(x), len(dst), d.dim)
	}
	if !(abar > 0 && abar < 1) {
		return fmt.Errorf("metrics: abar is %v; want a number between 0 and 1, both excluded", abar)
	}
	root, noise := math.Sqrt(abar), math.Sqrt(1-abar)
	var cells *cellSum
	if d.dim == 2 {
		cells = newCellSum(d.points, noise/root)
	}
	parallel(len(x)/d.dim, 16, func(lo, hi int) {
		in, x0 := make([]float64, d.dim), make([]float64, d.dim)
		scratch := new(cellScratch)
		for i := lo; i < hi; i++ {
			row := x[i*d.dim : (i+1)*d.dim]
			for k, v := range row {
				in[k] = float64(v)
			}
			if cells != nil {
				x0[0], x0[1], _ = cells.posterior(in[0]/root, in[1]/root, scratch)
			} else {
				d.X0(x0, in, abar)
			}
			for k := range row {
				dst[i*d.dim+k] = float32((in[k] - root*x0[k]) / noise)
			}
		}
	})
	return nil
}

// GaussianEpsilon writes the optimal noise estimate for data N(0, variance I):
// sqrt(1 - abar) x / (abar variance + 1 - abar), whose mean squared error is
// abar variance / (abar variance + 1 - abar).
func GaussianEpsilon(dst, x []float32, abar, variance float64) {
	c := math.Sqrt(1-abar) / (abar*variance + 1 - abar)
	for i, v := range x {
		dst[i] = float32(c * float64(v))
	}
}
