package sampler

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:  "unipc",
		Help:  "UniPC (Zhao et al. 2023): predictor and corrector of order 2 (or solver_order 1..3), one call a step",
		Class: "UniPCMultistepScheduler",
		Steps: 20,
		Keys: append([]string{"solver_order", "solver_type", "lower_order_final", "predict_x0", "disable_corrector",
			"final_sigmas_type", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "sigma_min",
			"sigma_max", "rescale_betas_zero_snr"}, curveKeys...),
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Linspace,
			DynamicThresholdingRatio: .995, SampleMaxValue: 1, SolverOrder: 2, SolverType: "bh2",
			LowerOrderFinal: true, PredictX0: true,
			FinalSigmasType: "zero", LambdaMinClipped: math.Inf(-1)},
		Build: unipc,
	})
}

// uni is the method of Zhao et al. 2023 with B(h) = h (bh1) or e^h - 1 (bh2), on
// the prediction of x_0 or of the noise.
type uni struct {
	x0, bh1 bool
	levels  []Level
	models  ring
}

// unipc corrects the state that a call was made at by the call's own result, then
// predicts the next (Zhao et al. 2023, algorithms 1 and 2). The state after the
// last step is not corrected: no call is made there.
func unipc(p *diffusion.Process, o Options) (*Table, error) {
	if err := o.checkUniPC(); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("unipc-%d-%s-o%d", o.Steps, o.TimestepSpacing, o.SolverOrder)
	c, grid, err := newChain(name, &o, func() (*Grid, error) {
		return preservingGrid(p, &o, preservingRules{curveEnd: true})
	})
	if err != nil {
		return nil, err
	}
	calls := grid.calls()
	u := uni{x0: o.PredictX0, bh1: o.SolverType == "bh1", levels: grid.Levels, models: ring{size: o.SolverOrder}}
	last := o.SolverOrder // the slot of the state that the latest prediction started from
	order := 0
	for i, l := range calls {
		c.call(i, l)
		m := c.x0()
		if !u.x0 {
			m = c.eps()
		}
		x := c.x()
		if i > 0 && !slices.Contains(o.DisableCorrector, i-1) {
			x = u.correct(i, order, slot(last), m)
		}
		order = min(o.SolverOrder, i+1)
		if o.LowerOrderFinal {
			order = min(order, len(calls)-i)
		}
		c.write(u.models.slot(i), m)
		c.write(last, x)
		c.next(u.predict(i, order, x, m))
	}
	return c.done(), nil
}

func (o *Options) checkUniPC() error {
	if err := oneOf("solver_type", o.SolverType, "bh1", "bh2", "midpoint", "heun", "logrho"); err != nil {
		return err
	}
	if o.SolverOrder < 1 || o.SolverOrder > 3 {
		return fmt.Errorf("solver_order is %d; expected 1..3", o.SolverOrder)
	}
	if o.Grid != nil || o.FinalSigmasType != "zero" {
		return nil
	}
	for what, bad := range map[string]bool{
		"solver_type bh1":         o.SolverType == "bh1",
		"lower_order_final false": !o.LowerOrderFinal && o.SolverOrder > 1,
		"predict_x0 false":        !o.PredictX0,
	} {
		if bad {
			return fmt.Errorf("%s is not finite with final_sigmas_type zero; use sigma_min", what)
		}
	}
	return nil
}

// terms returns the exact part of an update from level s to level t, with m at s,
// the factor of the differences, and the steps' common quantities.
func (u *uni) terms(s, t Level, x, m Coef) (base Coef, scale, hh, b float64) {
	h := t.lambda() - s.lambda()
	hh = h
	if u.x0 {
		hh = -h
	}
	phi := math.Expm1(hh)
	b = phi
	if u.bh1 {
		b = hh
	}
	if u.x0 {
		return sum(x.times(t.Sigma/s.Sigma), m.times(-t.Alpha*phi)), -t.Alpha * b, hh, b
	}
	return sum(x.times(t.Alpha/s.Alpha), m.times(-t.Sigma*phi)), -t.Sigma * b, hh, b
}

// past returns (m_j - m)/r_j and r_j for the order-1 levels before s.
func (u *uni) past(s, order int, m Coef, h float64) (differences []Coef, ratios []float64) {
	for j := s - 1; j > s-order; j-- {
		r := (u.levels[j].lambda() - u.levels[s].lambda()) / h
		ratios = append(ratios, r)
		differences = append(differences, sum(slot(u.models.slot(j)), m.times(-1)).times(1/r))
	}
	return differences, ratios
}

// predict steps from level i, where the state is x and the prediction m.
func (u *uni) predict(i, order int, x, m Coef) Coef {
	s, t := u.levels[i], u.levels[i+1]
	next, scale, hh, b := u.terms(s, t, x, m)
	differences, ratios := u.past(i, order, m, t.lambda()-s.lambda())
	rhos := []float64{.5}
	if order > 2 {
		rhos = uniWeights(ratios, hh, b)
	}
	for k, d := range differences {
		next = sum(next, d.times(scale*rhos[k]))
	}
	return next
}

// correct repeats the step to level i from the state before it with the
// prediction m at level i.
func (u *uni) correct(i, order int, x, m Coef) Coef {
	s, t := u.levels[i-1], u.levels[i]
	before := slot(u.models.slot(i - 1))
	next, scale, hh, b := u.terms(s, t, x, before)
	differences, ratios := u.past(i-1, order, before, t.lambda()-s.lambda())
	differences = append(differences, sum(m, before.times(-1)))
	rhos := []float64{.5}
	if order > 1 {
		rhos = uniWeights(append(ratios, 1), hh, b)
	}
	for k, d := range differences {
		next = sum(next, d.times(scale*rhos[k]))
	}
	return next
}

// uniWeights solves sum_k rho_k r_k^(j-1) = j! phi_(j+1)(hh) hh^... / B for
// j = 1..n (Zhao et al. 2023, equation 5).
func uniWeights(ratios []float64, hh, b float64) []float64 {
	n := len(ratios)
	powers, right := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
	phi, factorial := math.Expm1(hh)/hh-1, 1.0
	for j := range n {
		for k, r := range ratios {
			powers.Set(j, k, math.Pow(r, float64(j)))
		}
		right.SetVec(j, phi*factorial/b)
		factorial *= float64(j + 2)
		phi = phi/hh - 1/factorial
	}
	var rho mat.VecDense
	if err := rho.SolveVec(powers, right); err != nil {
		return slices.Repeat([]float64{math.NaN()}, n) // two levels coincide; the table's check names the step
	}
	return rho.RawVector().Data
}
