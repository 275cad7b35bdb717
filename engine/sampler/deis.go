package sampler

import (
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "deis",
		Help:  "exponential integrator in log rho (Zhang & Chen 2023): order 2 (or solver_order 1..3)",
		Class: "DEISMultistepScheduler",
		Steps: 20,
		Keys: append([]string{"solver_order", "algorithm_type", "solver_type", "lower_order_final", "thresholding",
			"dynamic_thresholding_ratio", "sample_max_value"}, curveKeys...),
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace,
			DynamicThresholdingRatio: .995, SampleMaxValue: 1, SolverOrder: 2,
			AlgorithmType: "deis", SolverType: "logrho", LowerOrderFinal: true,
			LambdaMinClipped: math.Inf(-1)},
		Build: deis,
	})
}

// deis integrates dy/drho = eps, y = x/Alpha, rho = Sigma/Alpha, with the noise
// predictions interpolated in log rho (Zhang & Chen 2023, the rhoAB variant with
// log rho).
func deis(p *diffusion.Process, o Options) (*Table, error) {
	if err := oneOf("algorithm_type", o.AlgorithmType, "deis", "dpmsolver", "dpmsolver++"); err != nil {
		return nil, err
	}
	if err := oneOf("solver_type", o.SolverType, "logrho", "midpoint", "heun", "bh1", "bh2"); err != nil {
		return nil, err
	}
	if o.SolverOrder < 1 || o.SolverOrder > 3 {
		return nil, fmt.Errorf("solver_order is %d; expected 1..3", o.SolverOrder)
	}
	o.FinalSigmasType = "sigma_min"
	name := fmt.Sprintf("deis-%d-%s-o%d", o.Steps, o.TimestepSpacing, o.SolverOrder)
	c, grid, err := newChain(name, &o, func() (*Grid, error) {
		return preservingGrid(p, &o, preservingRules{curveEnd: true})
	})
	if err != nil {
		return nil, err
	}
	calls := grid.calls()
	slopes := ring{size: max(o.SolverOrder-1, 1)}
	for i, l := range calls {
		to := grid.Levels[i+1]
		c.call(i, l)
		nodes := make([]float64, o.multistepOrder(i, len(calls), false))
		for k := range nodes {
			nodes[k] = math.Log(grid.Levels[i-k].ratio() / l.ratio())
		}
		y := c.y()
		for k, w := range exponentialWeights(nodes, math.Log(to.ratio()/l.ratio())) {
			slope := c.eps()
			if k > 0 {
				slope = slot(slopes.slot(i - k))
			}
			y = sum(y, slope.times(w*l.ratio()))
		}
		c.write(slopes.slot(i), c.eps())
		c.next(y.times(to.Alpha))
	}
	return c.done(), nil
}

// exponentialWeights integrates e^v times each Lagrange polynomial of the nodes,
// 3 at most, from 0 to v.
func exponentialWeights(nodes []float64, v float64) []float64 {
	e := math.Exp(v)
	moments := [3]float64{math.Expm1(v)} // of 1, v, v^2
	if e == 0 {                          // v = -Inf
		moments = [3]float64{-1, 1, -2}
	} else {
		moments[1] = v*e - moments[0]
		moments[2] = v*v*e - 2*moments[1]
	}
	weights := make([]float64, len(nodes))
	for k := range nodes {
		poly := [3]float64{1} // coefficients by degree
		for j, node := range nodes {
			if j == k {
				continue
			}
			scale := 1 / (nodes[k] - node)
			for d := 2; d > 0; d-- {
				poly[d] = (poly[d-1] - node*poly[d]) * scale
			}
			poly[0] *= -node * scale
		}
		for d, m := range moments {
			weights[k] += poly[d] * m
		}
	}
	return weights
}
