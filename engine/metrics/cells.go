package metrics

import (
	"cmp"
	"math"
	"slices"
)

// cellSum computes sums over 2-D points of Gaussian weights of width sigma, fast
// and with a bounded error: the fast Gauss transform (Greengard & Strain 1991)
// with Taylor expansions about the centres of grid cells. For a point at offset v
// from its cell's centre and a query at offset u (both in units of sigma)
//
//	exp(-|u-v|^2/2) = exp(-|u|^2/2) exp(-|v|^2/2) sum_a (u^a / a!) v^a,
//
// so a cell is a table of moments. With cells of radius kappa, dropping the terms
// above total degree p costs a point at most (kappa |u|)^(p+1) / (p+1)! e^(kappa |u|)
// of its weight at the centre; a table says which p keeps that below cellError of
// the weight at the nearest cell's centre. Cells that need a higher degree than is
// kept, and cells of few points, are summed directly; cells whose points all weigh
// less than cellError/N of the nearest are left out.
type cellSum struct {
	sigma  float64
	cells  []cell
	cutoff float64 // of the exponent, beyond the nearest cell's
}

type cell struct {
	cx, cy  float64   // centre
	points  []float64 // x, y pairs
	moments [][4]float64
}

const (
	cellKappa  = 0.4 // largest |v| of a point in its cell
	cellDegree = 18  // highest total degree of an expansion
	cellTerms  = (cellDegree + 1) * (cellDegree + 2) / 2
	cellError  = 1e-11 // bound of what one weight loses, relative to the largest weight
	cellDirect = 24    // cells of at most so many points are summed one by one
)

// The resolution of degreeFor: steps of |u|, and of the exponent's excess over
// the least.
const (
	degreeSteps  = 8
	degreeRange  = 12
	degreeExcess = 4
	degreeLevels = 8
)

// degreeFor[l][i] is the degree that suffices for |u| in [i, i+1]/degreeSteps where
// the exponent is at least l*degreeExcess above the nearest cell's; 0 if none does.
var degreeFor = func() (table [degreeLevels][degreeRange * degreeSteps]int) {
	for l := range table {
		allowed := cellError * math.Exp(float64(l*degreeExcess))
		for i := range table[l] {
			z := cellKappa * float64(i+1) / degreeSteps
			term := math.Exp(z)
			for p := 1; p <= cellDegree; p++ {
				term *= z / float64(p)
				if term*z/float64(p+1) <= allowed {
					table[l][i] = p
					break
				}
			}
		}
	}
	return
}()

// degree returns the degree at which a cell with exponent e is to be expanded, 0
// if it must be summed directly.
func degree(e, least float64) int {
	i := int(math.Sqrt(2*e) * degreeSteps)
	if i >= degreeRange*degreeSteps {
		return 0
	}
	return degreeFor[min(int((e-least)/degreeExcess), degreeLevels-1)][i]
}

// newCellSum sorts points (x, y pairs) into cells and expands each.
func newCellSum(points []float64, sigma float64) *cellSum {
	type placed struct{ ix, iy, i int }
	side := cellKappa * sigma * math.Sqrt2
	order := make([]placed, len(points)/2)
	for i := range order {
		order[i] = placed{int(math.Floor(points[2*i] / side)), int(math.Floor(points[2*i+1] / side)), i}
	}
	slices.SortFunc(order, func(a, b placed) int {
		return cmp.Or(a.ix-b.ix, a.iy-b.iy, a.i-b.i)
	})
	s := &cellSum{sigma: sigma, cutoff: math.Log(float64(len(order)) / cellError)}
	sorted := make([]float64, 0, len(points))
	for lo := 0; lo < len(order); {
		hi := lo
		for ; hi < len(order) && order[hi].ix == order[lo].ix && order[hi].iy == order[lo].iy; hi++ {
			sorted = append(sorted, points[2*order[hi].i], points[2*order[hi].i+1])
		}
		c := cell{cx: (float64(order[lo].ix) + .5) * side, cy: (float64(order[lo].iy) + .5) * side, points: sorted[2*lo : 2*hi]}
		if hi-lo > cellDirect {
			c.expand(sigma)
		}
		s.cells = append(s.cells, c)
		lo = hi
	}
	return s
}

// expand computes the cell's moments, ordered by degree, then by the power of y:
// sums of exp(-|v|^2/2) v^a / a! times (1, x, y, x^2+y^2).
func (c *cell) expand(sigma float64) {
	c.moments = make([][4]float64, cellTerms)
	var mono [cellTerms]float64
	for i := 0; i < len(c.points); i += 2 {
		x, y := c.points[i], c.points[i+1]
		vx, vy := (x-c.cx)/sigma, (y-c.cy)/sigma
		monomials(&mono, vx, vy, cellDegree)
		w := math.Exp(-(vx*vx + vy*vy) / 2)
		for a, m := range mono {
			f := w * m
			c.moments[a][0] += f
			c.moments[a][1] += f * x
			c.moments[a][2] += f * y
			c.moments[a][3] += f * (x*x + y*y)
		}
	}
	a := 0
	for degree := range cellDegree + 1 {
		for j := range degree + 1 {
			gi, _ := math.Lgamma(float64(degree - j + 1))
			gj, _ := math.Lgamma(float64(j + 1))
			for k := range c.moments[a] {
				c.moments[a][k] *= math.Exp(-gi - gj)
			}
			a++
		}
	}
}

// monomials writes x^(d-j) y^j for d up to degree, j = 0..d, and returns how many.
func monomials(m *[cellTerms]float64, x, y float64, degree int) int {
	m[0] = 1
	prev, a := 0, 1
	for d := 1; d <= degree; d++ {
		for j := range d {
			m[a+j] = m[prev+j] * x
		}
		m[a+d] = m[prev+d-1] * y
		prev, a = a, a+d+1
	}
	return a
}

// cellScratch is the working memory of one goroutine.
type cellScratch struct {
	exponent []float64
	mono     [cellTerms]float64
}

// posterior is the mean (mx, my) of a point of the set given that it lies
// sigma-normally distributed about (x, y), and its variance, summed over both
// coordinates.
func (s *cellSum) posterior(x, y float64, scratch *cellScratch) (mx, my, variance float64) {
	if len(scratch.exponent) != len(s.cells) {
		scratch.exponent = make([]float64, len(s.cells))
	}
	inv := 1 / s.sigma
	least := math.Inf(1)
	for i := range s.cells {
		c := &s.cells[i]
		ux, uy := (x-c.cx)*inv, (y-c.cy)*inv
		e := (ux*ux + uy*uy) / 2
		scratch.exponent[i] = e
		least = min(least, e)
	}
	// A cell at distance r has exponents from (r-kappa)^2/2 to (r+kappa)^2/2.
	nearest := math.Sqrt(2*least) + cellKappa
	far := math.Sqrt(nearest*nearest+2*s.cutoff) + cellKappa
	var sum [4]float64
	for i := range s.cells {
		e := scratch.exponent[i]
		if e > far*far/2 {
			continue
		}
		c, p := &s.cells[i], 0
		if c.moments != nil {
			p = degree(e, least)
		}
		if p == 0 {
			c.addDirect(&sum, x, y, inv*inv/2, least)
		} else {
			n := monomials(&scratch.mono, (x-c.cx)*inv, (y-c.cy)*inv, p)
			c.addExpansion(&sum, scratch.mono[:n], exp(least-e))
		}
	}
	mx, my = sum[1]/sum[0], sum[2]/sum[0]
	return mx, my, max(0, sum[3]/sum[0]-mx*mx-my*my)
}

func (c *cell) addDirect(sum *[4]float64, x, y, scale, least float64) {
	s0, s1, s2, s3 := sum[0], sum[1], sum[2], sum[3]
	for i := 0; i+1 < len(c.points); i += 2 {
		px, py := c.points[i], c.points[i+1]
		w := exp(least - scale*((x-px)*(x-px)+(y-py)*(y-py)))
		s0 += w
		s1 += w * px
		s2 += w * py
		s3 += w * (px*px + py*py)
	}
	*sum = [4]float64{s0, s1, s2, s3}
}

func (c *cell) addExpansion(sum *[4]float64, mono []float64, w float64) {
	var s0, s1, s2, s3 float64
	for a, m := range mono {
		t := &c.moments[a]
		s0 += m * t[0]
		s1 += m * t[1]
		s2 += m * t[2]
		s3 += m * t[3]
	}
	sum[0] += w * s0
	sum[1] += w * s1
	sum[2] += w * s2
	sum[3] += w * s3
}
