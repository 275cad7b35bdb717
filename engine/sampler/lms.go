package sampler

import (
	"fmt"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "lms",
		Help:  "linear multistep in sigma: order 4, one call a step",
		Class: "LMSDiscreteScheduler",
		Steps: 20,
		Keys:  curveKeys,
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace, FinalSigmasType: "zero",
			SolverOrder: 4},
		Build: lms,
	})
}

// lms is the Adams-Bashforth method with the steps of the grid (k-diffusion's
// sample_lms), of lower order until enough slopes are known.
func lms(p *diffusion.Process, o Options) (*Table, error) {
	if o.SolverOrder < 1 || o.SolverOrder > 4 {
		return nil, fmt.Errorf("order is %d; expected 1..4", o.SolverOrder)
	}
	name := fmt.Sprintf("lms-%d-%s", o.Steps, o.TimestepSpacing)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return explodingGrid(p, &o) })
	if err != nil {
		return nil, err
	}
	slopes := ring{size: max(o.SolverOrder-1, 1)}
	for i, l := range grid.calls() {
		to := grid.Levels[i+1]
		c.call(i, l)
		nodes := make([]float64, min(i+1, o.SolverOrder))
		for k := range nodes {
			nodes[k] = grid.Levels[i-k].ratio()
		}
		y := c.y()
		for k := range nodes {
			slope := c.eps()
			if k > 0 {
				slope = slot(slopes.slot(i - k))
			}
			y = sum(y, slope.times(lagrangeIntegral(nodes, k, l.ratio(), to.ratio())))
		}
		c.write(slopes.slot(i), c.eps())
		c.next(y.times(to.Alpha))
	}
	return c.done(), nil
}

// lagrangeIntegral integrates the polynomial that is 1 at nodes[k] and 0 at the
// others, of degree 3 at most, from a to b.
func lagrangeIntegral(nodes []float64, k int, a, b float64) float64 {
	return quad.Fixed(func(x float64) float64 {
		v := 1.0
		for j, node := range nodes {
			if j != k {
				v *= (x - node) / (nodes[k] - node)
			}
		}
		return v
	}, b, a, 4, quad.Legendre{}, 1) * -1
}
