package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/unnoise/unnoise/engine/diffusion"
)

func init() {
	Register(Sampler{
		Name:     "pndm",
		Help:     "pseudo numerical methods (Liu et al. 2022): Runge-Kutta starts, then linear multistep of order 4",
		Class:    "PNDMScheduler",
		Steps:    50,
		Keys:     []string{"skip_prk_steps", "set_alpha_to_one"},
		Defaults: Options{PredictionType: diffusion.Epsilon, TimestepSpacing: Leading},
		Build:    pndm,
	})
}

// The history of pndm.
const (
	pndmStart = 3 // x at the start of a Runge-Kutta step
	pndmSum   = 4 // its weighted slopes so far
)

// pndmChain builds the table of pndm.
type pndmChain struct {
	o      *Options
	abar   []float64
	stride int // floor(T/steps)
	table  *Table
	ring   ring // the latest outputs
	stored int  // how many outputs were stored
}

// pndm transfers along the pseudo numerical formula (Liu et al. 2022, equation
// 11): Runge-Kutta over the first three steps (algorithm 2, PRK) and then linear
// multistep (PLMS), or PLMS alone after one step of the improved Euler method.
func pndm(p *diffusion.Process, o Options) (*Table, error) {
	if o.Grid != nil {
		return nil, fmt.Errorf("takes the timesteps of a schedule; a grid of noise levels needs another sampler")
	}
	if o.PredictionType != diffusion.Epsilon && o.PredictionType != diffusion.VPrediction {
		return nil, fmt.Errorf("prediction_type is %q; expected epsilon or v_prediction", o.PredictionType)
	}
	T := p.Timesteps()
	ts, err := o.timesteps(T)
	if err != nil {
		return nil, err
	}
	slices.Reverse(ts)
	c := &pndmChain{o: &o, abar: p.AlphasCumprod, stride: T / o.Steps, ring: ring{size: 3},
		table: &Table{Name: fmt.Sprintf("pndm-%d-%s", o.Steps, o.TimestepSpacing), Init: 1, History: 5}}
	if o.SkipPRKSteps {
		err = c.multistep(append(slices.Clone(ts[:len(ts)-1]), ts[max(len(ts)-2, 0):]...))
	} else {
		err = c.rungeKutta(ts)
	}
	if err != nil {
		return nil, err
	}
	done := chain{table: c.table}
	return done.done(), nil
}

// call appends a call at timestep t, which belongs to a sampling step.
func (c *pndmChain) call(sample, t int) (*Step, error) {
	if t < 0 || t >= len(c.abar) {
		return nil, fmt.Errorf("timestep %d is outside the schedule's 0..%d; use fewer steps or leading spacing",
			t, len(c.abar)-1)
	}
	if n := len(c.table.Steps); n > 0 {
		c.table.Steps[n-1].TPrev = float64(t)
	}
	abar := c.abar[t]
	s := Step{Sample: sample, T: float64(t), TPrev: -1, InScale: 1,
		Alpha: math.Sqrt(abar), Sigma: math.Sqrt(1 - abar)}
	var err error
	s.X0X, s.X0Out, err = predictX0(c.o.PredictionType, abar)
	c.table.Steps = append(c.table.Steps, s)
	return &c.table.Steps[len(c.table.Steps)-1], err
}

// store keeps the output of a step.
func (c *pndmChain) store(s *Step) {
	s.Writes = append(s.Writes, Write{Slot: c.ring.slot(c.stored), Coef: Coef{Out: 1}})
	c.stored++
}

// output is the stored output that many before the latest.
func (c *pndmChain) output(before int) Coef { return slot(c.ring.slot(c.stored - 1 - before)) }

// transfer moves x from timestep t to prev along the output out (equation 11).
func (c *pndmChain) transfer(x Coef, t, prev int, out Coef) (Coef, error) {
	if t >= len(c.abar) {
		return x, fmt.Errorf("timestep %d is outside the schedule's 0..%d; use leading spacing", t, len(c.abar)-1)
	}
	abar, abarPrev := c.abar[t], 1.0
	switch {
	case prev >= 0:
		abarPrev = c.abar[prev]
	case !c.o.SetAlphaToOne:
		abarPrev = c.abar[0]
	}
	if c.o.PredictionType == diffusion.VPrediction {
		out = sum(out.times(math.Sqrt(abar)), x.times(math.Sqrt(1-abar)))
	}
	denominator := abar*math.Sqrt(1-abarPrev) + math.Sqrt(abar*(1-abar)*abarPrev)
	return sum(x.times(math.Sqrt(abarPrev/abar)), out.times(-(abarPrev-abar)/denominator)), nil
}

// rungeKutta takes ascending timesteps: four calls for each of the first three
// steps, half a stride apart, then one a step.
func (c *pndmChain) rungeKutta(ts []int) error {
	n := len(ts)
	if n < 4 {
		return fmt.Errorf("%d steps; Runge-Kutta starts need at least 4: use more steps or skip_prk_steps", n)
	}
	half := c.stride / 2
	for step := range 3 {
		from := ts[n-1-step]
		at := [4]int{from, ts[n-2-step] + half, ts[n-2-step] + half, ts[n-2-step]}
		for k, t := range at {
			s, err := c.call(step, t)
			if err != nil {
				return err
			}
			x, slope, prev := slot(pndmStart), Coef{Out: 1}, t-half
			switch k {
			case 0:
				x = Coef{X: 1}
				c.store(s)
				s.Writes = append(s.Writes, Write{Slot: pndmStart, Coef: x})
			case 1:
				s.Writes = []Write{{Slot: pndmSum, Coef: sum(c.output(0).times(1./6), Coef{Out: 1. / 3})}}
				prev = t
			case 2:
				s.Writes = []Write{{Slot: pndmSum, Coef: sum(slot(pndmSum), Coef{Out: 1. / 3})}}
			case 3:
				slope = sum(slot(pndmSum), Coef{Out: 1. / 6})
				prev = t
			}
			if s.Next, err = c.transfer(x, from, prev, slope); err != nil {
				return err
			}
		}
	}
	for i := n - 4; i >= 0; i-- {
		if err := c.adams(n-1-i, ts[i], 4); err != nil {
			return err
		}
	}
	return nil
}

// multistep takes ascending timesteps of which the last but one is there twice.
func (c *pndmChain) multistep(ts []int) error {
	n := len(ts)
	for i := n - 1; i >= 0; i-- {
		call, t := n-1-i, ts[i]
		if call != 1 {
			if err := c.adams(max(call-1, 0), t, min(max(call, 1), 4)); err != nil {
				return err
			}
			continue
		}
		s, err := c.call(0, t)
		if err != nil {
			return err
		}
		mean := sum(Coef{Out: .5}, c.output(0).times(.5))
		if s.Next, err = c.transfer(slot(pndmStart), t+c.stride, t, mean); err != nil {
			return err
		}
	}
	return nil
}

// adamsBashforth are the weights of the latest slopes by order.
var adamsBashforth = [][]float64{
	{1},
	{3. / 2, -1. / 2},
	{23. / 12, -16. / 12, 5. / 12},
	{55. / 24, -59. / 24, 37. / 24, -9. / 24},
}

// adams appends a multistep call of an order at timestep t.
func (c *pndmChain) adams(sample, t, order int) error {
	s, err := c.call(sample, t)
	if err != nil {
		return err
	}
	var slope Coef
	for k, w := range adamsBashforth[order-1] {
		value := Coef{Out: 1}
		if k > 0 {
			value = c.output(k - 1)
		}
		slope = sum(slope, value.times(w))
	}
	if c.stored == 0 {
		s.Writes = append(s.Writes, Write{Slot: pndmStart, Coef: Coef{X: 1}})
	}
	c.store(s)
	s.Next, err = c.transfer(Coef{X: 1}, t, t-c.stride, slope)
	return err
}
