package sampler

import (
	"fmt"
	"math"
	"slices"
)

// Spacing says which of the T timesteps a shorter chain visits.
type Spacing string

// The spacings, with the timesteps of 10 steps of T = 1000.
const (
	Leading       Spacing = "leading"   // multiples of floor(T/S): 900, 800, ..., 0
	Trailing      Spacing = "trailing"  // T - i T/S - 1, rounded: 999, 899, ..., 99
	Linspace      Spacing = "linspace"  // evenly over 0..T-1, both ends: 999, 888, ..., 0
	QuadraticTime Spacing = "quadratic" // squares evenly up to 0.8 T (Song et al. 2021): 800, 632, ..., 9, 0
)

// ParseSpacing returns the spacing of that name (diffusers' timestep_spacing).
func ParseSpacing(name string) (Spacing, error) {
	for _, s := range []Spacing{Leading, Trailing, Linspace, QuadraticTime} {
		if string(s) == name {
			return s, nil
		}
	}
	return "", fmt.Errorf("unknown spacing %q: expected leading, trailing, linspace or quadratic", name)
}

// SpacedTimesteps returns the timesteps of a chain of steps steps over T
// timesteps, strictly decreasing. offset is added to leading timesteps
// (diffusers' steps_offset); other spacings have none. Where quadratic spacing
// would visit a small timestep twice, later ones are moved up to the next free
// one. One linspace step is T-1.
func SpacedTimesteps(T, steps int, spacing Spacing, offset int) ([]int, error) {
	if steps < 1 || steps > T {
		return nil, fmt.Errorf("%d sampling steps; expected 1..%d, the timesteps of the schedule", steps, T)
	}
	ts := make([]int, steps) // ts[steps-1-i] is the i-th timestep from below
	last := -1
	for i := range steps {
		var t int
		switch spacing {
		case Leading:
			t = i*(T/steps) + offset
		case Trailing:
			t = int(math.RoundToEven(float64(i+1)*float64(T)/float64(steps))) - 1
		case Linspace:
			t = T - 1
			if steps > 1 {
				t = int(math.RoundToEven(float64(i) * float64(T-1) / float64(steps-1)))
			}
		case QuadraticTime:
			if steps > 1 {
				u := float64(i) / float64(steps-1)
				t = int(math.Floor(0.8*float64(T)*u*u + 1e-9))
			}
			t = max(t, last+1)
		default:
			_, err := ParseSpacing(string(spacing))
			return nil, err
		}
		if t <= last || t >= T {
			return nil, fmt.Errorf("%d %s steps with offset %d do not fit %d timesteps", steps, spacing, offset, T)
		}
		last = t
		ts[steps-1-i] = t
	}
	return ts, nil
}

// diffusersTimesteps is SpacedTimesteps with the rounding of diffusers' DDPM and
// DDIM schedulers: one linspace step is t = 0, ties round as numpy's do, and
// trailing may give one timestep more than asked.
func diffusersTimesteps(T, steps int, spacing Spacing, offset int) ([]int, error) {
	if steps < 1 || steps > T {
		return nil, fmt.Errorf("%d sampling steps; expected 1..%d, the timesteps of the schedule", steps, T)
	}
	var ts []int
	switch spacing {
	case Linspace:
		for _, t := range linspace(0, float64(T-1), steps) {
			ts = append(ts, int(math.RoundToEven(t)))
		}
		slices.Reverse(ts)
	case Trailing:
		for _, t := range arange(float64(T), 0, -float64(T)/float64(steps)) {
			ts = append(ts, int(math.RoundToEven(t))-1)
		}
	default:
		return SpacedTimesteps(T, steps, spacing, offset)
	}
	return ts, nil
}

// timesteps returns the chain's timesteps by the rule of the options.
func (o *Options) timesteps(T int) ([]int, error) {
	if o.Rule == Diffusers {
		return diffusersTimesteps(T, o.Steps, o.TimestepSpacing, o.StepsOffset)
	}
	return SpacedTimesteps(T, o.Steps, o.TimestepSpacing, o.StepsOffset)
}

// linspace is numpy's: n numbers from a to b, a alone for n = 1.
func linspace(a, b float64, n int) []float64 {
	v := make([]float64, n)
	if n == 1 {
		v[0] = a
		return v
	}
	step := (b - a) / float64(n-1)
	for i := range v {
		v[i] = float64(i)*step + a
	}
	v[n-1] = b
	return v
}

// arange is numpy's: start, start + step, ... before stop, in as many elements as
// the rounded quotient says.
func arange(start, stop, step float64) []float64 {
	n := int(math.Ceil((stop - start) / step))
	delta := (start + step) - start
	v := make([]float64, n)
	for i := range v {
		v[i] = start + float64(i)*delta
	}
	return v
}
