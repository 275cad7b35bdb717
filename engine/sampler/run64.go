package sampler

import (
	"fmt"
	"math"
	"slices"
)

// Model64 is a network: its output for every sample of x at one timestep.
type Model64 func(x []float64, t float64) []float64

// Run64 executes the table in float64: the reference of the update operator. x
// holds samples samples and is the start, standard normal noise. noise fills dst for step
// i, -1 before the first one; it is called for the steps that read noise.
func (t *Table) Run64(model Model64, x []float64, samples int, noise func(step int, dst []float64)) ([]float64, error) {
	return t.run64(model, x, samples, noise, nil)
}

// run64 calls after, if not nil, with the state and the history after each step.
func (t *Table) run64(model Model64, x []float64, samples int, noise func(step int, dst []float64),
	after func(step int, x []float64, history [MaxHistory][]float64)) ([]float64, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if samples < 1 || len(x)%samples != 0 {
		return nil, fmt.Errorf("sampler: table %s: %d elements do not divide into %d samples", t.Name, len(x), samples)
	}
	z := make([]float64, len(x))
	state := make([]float64, len(x))
	if t.InitZ != 0 {
		noise(-1, z)
	}
	for i := range state {
		state[i] = t.Init*x[i] + t.InitZ*z[i]
	}
	var history [MaxHistory][]float64
	for i := range t.Steps {
		s := &t.Steps[i]
		out := model(state, s.T)
		if len(out) != len(x) {
			return nil, fmt.Errorf("sampler: table %s: step %d: the model gave %d elements, expected %d",
				t.Name, i, len(out), len(x))
		}
		x0 := t.predict(s, state, out, samples)
		if s.Noise() {
			noise(i, z)
		}
		apply := func(c *Coef) []float64 {
			y := make([]float64, len(x))
			for k := range y {
				y[k] = c.X*state[k] + c.Out*out[k] + c.X0*x0[k] + c.Z*z[k]
				for slot, v := range c.H {
					if v != 0 {
						y[k] += v * history[slot][k]
					}
				}
			}
			return y
		}
		next, writes := apply(&s.Next), make([][]float64, len(s.Writes))
		for k := range s.Writes {
			writes[k] = apply(&s.Writes[k].Coef)
		}
		for k, w := range s.Writes {
			history[w.Slot] = writes[k]
		}
		state = next
		if after != nil {
			after(i, state, history)
		}
	}
	return state, nil
}

// predict returns x_0 after clipping or thresholding.
func (t *Table) predict(s *Step, x, out []float64, samples int) []float64 {
	x0 := make([]float64, len(x))
	for k := range x0 {
		x0[k] = s.X0X*x[k] + s.X0Out*out[k]
		if t.Clip != 0 {
			x0[k] = math.Max(-t.Clip, math.Min(t.Clip, x0[k]))
		}
	}
	if t.Threshold != nil {
		for part := range slices.Chunk(x0, len(x0)/samples) {
			t.Threshold.apply(part)
		}
	}
	return x0
}

// apply thresholds one sample. The quantile interpolates linearly between the
// two nearest order statistics (numpy's and torch's default).
func (h *Threshold) apply(x0 []float64) {
	sorted := make([]float64, len(x0))
	for i, v := range x0 {
		sorted[i] = math.Abs(v)
	}
	slices.Sort(sorted)
	rank := h.Ratio * float64(len(sorted)-1)
	below := int(rank)
	above := min(below+1, len(sorted)-1)
	s := sorted[below] + (rank-float64(below))*(sorted[above]-sorted[below])
	s = math.Max(1, math.Min(h.Max, s))
	for i, v := range x0 {
		x0[i] = math.Max(-s, math.Min(s, v)) / s
	}
}
