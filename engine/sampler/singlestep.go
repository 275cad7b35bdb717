package sampler

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	defaults := dpmDefaults("dpmsolver++", 2)
	defaults.LowerOrderFinal = false
	Register(Sampler{
		Name:     "dpmpp-2s",
		Help:     "DPM-Solver and DPM-Solver++, singlestep: order 2 (or solver_order 1..3) over groups of steps",
		Class:    "DPMSolverSinglestepScheduler",
		Steps:    20,
		Keys:     dpmKeys,
		Defaults: defaults,
		Build:    dpmSinglestep,
	})
}

// singlestepOrders returns the order of every step: groups of 1, 2, ..., order
// whose last reaches the group's end from its start.
func (o *Options) singlestepOrders(n int, toZero bool) []int {
	lower := o.LowerOrderFinal || n%o.SolverOrder != 0 || toZero
	orders := make([]int, n)
	for i := range orders {
		orders[i] = i%o.SolverOrder + 1
	}
	if lower && o.SolverOrder == 2 && n%2 == 0 {
		orders[n-1] = 1
	}
	if lower && o.SolverOrder == 3 && n%3 == 0 {
		orders[n-1] = 1
	}
	if toZero {
		orders[n-1] = 1
	}
	return orders
}

// dpmSinglestep takes the steps of a group all from its first level (Lu et al.
// 2022b, algorithm 1), with the levels between as the grid has them.
func dpmSinglestep(p *diffusion.Process, o Options) (*Table, error) {
	o.Eta = 1
	s, err := o.solver()
	if err != nil {
		return nil, err
	}
	if o.AlgorithmType == "sde-dpmsolver" {
		return nil, fmt.Errorf("algorithm_type sde-dpmsolver has no singlestep form; use sde-dpmsolver++")
	}
	o.TimestepSpacing = Linspace
	name := fmt.Sprintf("dpmpp-singlestep-%d-o%d", o.Steps, o.SolverOrder)
	c, grid, err := newChain(name, &o, func() (*Grid, error) { return preservingGrid(p, &o, preservingRules{}) })
	if err != nil {
		return nil, err
	}
	const start = 0 // the slot of x at the group's first level
	models := ring{first: 1, size: 2}
	calls := grid.calls()
	for i, order := range o.singlestepOrders(len(calls), grid.Levels[len(calls)].Sigma == 0) {
		c.call(i, calls[i])
		first := i - order + 1
		from, to := grid.Levels[first], grid.Levels[i+1]
		w := s.weights(from, to, order)
		m := s.model(c)
		x, d0 := c.x(), m
		if order > 1 {
			x, d0 = slot(start), slot(models.slot(first))
		} else {
			c.write(start, x)
		}
		c.write(models.slot(i), m)
		next := sum(x.times(w.x), d0.times(w.d0), noise(w.z*o.SNoise))
		if order > 1 {
			d1, d2 := s.groupDifferences(grid.Levels[first:i+2], m, d0, slot(models.slot(i-1)))
			next = sum(next, d1.times(w.d1), d2.times(w.d2))
		}
		c.next(next)
	}
	return c.done(), nil
}

// groupDifferences returns D1 and D2 at the first of the levels of a group, from
// the predictions there (first), at the last but one (m), and between (middle);
// the midpoint form has no D2.
func (s solver) groupDifferences(levels []Level, m, first, middle Coef) (d1, d2 Coef) {
	n := len(levels)
	h := levels[n-1].lambda() - levels[0].lambda()
	r0 := (levels[n-2].lambda() - levels[0].lambda()) / h
	far := sum(m, first.times(-1)).times(1 / r0)
	if n == 3 || !s.heun {
		return far, Coef{}
	}
	r1 := (levels[1].lambda() - levels[0].lambda()) / h
	near := sum(middle, first.times(-1)).times(1 / r1)
	d1 = sum(near.times(r0), far.times(-r1)).times(1 / (r0 - r1))
	return d1, sum(far, near.times(-1)).times(2 / (r0 - r1))
}
