// Package sampler makes sampling chains. A sampler turns a schedule and options
// into a table of steps, computed in float64: every step is one call of the
// network and one linear combination of the state, the network's output, the
// predicted x_0, noise, and a short history of earlier values. One operator
// executes every table; nothing here runs a network.
//
// A method is one file that ends in a call of Register.
package sampler

import "fmt"

// MaxHistory is the number of history slots: persistent buffers of x's shape.
const MaxHistory = 6

// Coef is a linear combination of a step's basis.
type Coef struct {
	X   float64             // on the state, which is the network's input
	Out float64             // on the network's output
	X0  float64             // on x_0 after clipping or thresholding
	Z   float64             // on standard normal noise, drawn once a step
	H   [MaxHistory]float64 // on the history slots
}

// Write stores a linear combination in a history slot.
type Write struct {
	Slot int
	Coef Coef
}

// Step is one call of the network and the update after it:
//
//	x_0  = X0X * x + X0Out * out, then clipped or thresholded as the table says
//	next = Next applied to (x, out, x_0, z, history)
//
// Writes take effect after the step: every combination reads the old values.
type Step struct {
	Sample int     // index of the sampling step that the call belongs to, from 0
	T      float64 // timestep given to the network; fractional where the method asks for it
	TPrev  float64 // timestep of the state after the step; -1 after the last one
	// InScale is the factor that Next of the step before (or Init) holds for the network's input: x / InScale is the
	// sample as the method defines it, Alpha x_0 + Sigma eps.
	InScale, Alpha, Sigma float64

	X0X, X0Out float64
	Next       Coef
	Writes     []Write // at most 2, of different slots
}

// Threshold is dynamic thresholding (Saharia et al. 2022, section 2.3): s is the
// Ratio quantile of |x_0| over one sample, held to 1..Max; x_0 is clipped to
// [-s, s] and divided by s.
type Threshold struct{ Ratio, Max float64 }

// Table is a whole sampling chain, first step first. The state starts as
// Init * noise + InitZ * z and ends as the sample.
type Table struct {
	Name        string
	Init, InitZ float64
	Steps       []Step
	History     int        // slots used, 0..MaxHistory
	Clip        float64    // bound of |x_0|; 0 means none
	Threshold   *Threshold // nil: none
}

// SampleSteps returns the number of sampling steps, each of one or more calls.
func (t *Table) SampleSteps() int { return t.Steps[len(t.Steps)-1].Sample + 1 }

// Noise says whether the step reads z.
func (s *Step) Noise() bool {
	if s.Next.Z != 0 {
		return true
	}
	for _, w := range s.Writes {
		if w.Coef.Z != 0 {
			return true
		}
	}
	return false
}

// Validate checks what executors rely on: finite coefficients, at most two
// writes of different slots, no read of a slot that was not written before.
func (t *Table) Validate() error {
	if len(t.Steps) == 0 {
		return fmt.Errorf("sampler: table %s: no steps", t.Name)
	}
	if t.Clip != 0 && t.Threshold != nil {
		return fmt.Errorf("sampler: table %s: both clipping and thresholding; choose one", t.Name)
	}
	if !finite(t.Init, t.InitZ, t.Clip) || t.Clip < 0 {
		return fmt.Errorf("sampler: table %s: init %v, noise %v, clip %v; expected finite numbers",
			t.Name, t.Init, t.InitZ, t.Clip)
	}
	written := [MaxHistory]bool{}
	for i := range t.Steps {
		if err := t.Steps[i].validate(&written, t.History); err != nil {
			return fmt.Errorf("sampler: table %s: step %d (t = %v): %w", t.Name, i, t.Steps[i].T, err)
		}
	}
	return nil
}

func (s *Step) validate(written *[MaxHistory]bool, slots int) error {
	if !finite(s.T, s.X0X, s.X0Out, s.InScale, s.Alpha, s.Sigma) || s.InScale == 0 {
		return fmt.Errorf("x_0 = %v x + %v out at input scale %v: not finite; use another spacing or final sigma",
			s.X0X, s.X0Out, s.InScale)
	}
	if len(s.Writes) > 2 {
		return fmt.Errorf("%d history writes; expected at most 2", len(s.Writes))
	}
	if err := s.Next.validate(written); err != nil {
		return err
	}
	for i, w := range s.Writes {
		if w.Slot < 0 || w.Slot >= slots || slots > MaxHistory || i > 0 && w.Slot == s.Writes[0].Slot {
			return fmt.Errorf("write of history slot %d of %d, used before: %v", w.Slot, slots, i > 0)
		}
		if err := w.Coef.validate(written); err != nil {
			return err
		}
	}
	for _, w := range s.Writes {
		written[w.Slot] = true
	}
	return nil
}

func (c Coef) validate(written *[MaxHistory]bool) error {
	if !finite(c.X, c.Out, c.X0, c.Z) || !finite(c.H[:]...) {
		return fmt.Errorf("coefficients %+v are not finite; use another spacing or final sigma", c)
	}
	for slot, v := range c.H {
		if v != 0 && !written[slot] {
			return fmt.Errorf("history slot %d is read before it is written", slot)
		}
	}
	return nil
}
