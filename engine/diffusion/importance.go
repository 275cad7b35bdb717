package diffusion

import (
	"fmt"
	"math"
)

// LossSecondMoment draws timesteps in proportion to the root of the mean of the last squared losses at each
// (Nichol & Dhariwal 2021, section 3.3). Until every timestep has a full history all are equally likely.
type LossSecondMoment struct {
	history [][]float64 // oldest first
	keep    int
	uniform float64
}

// The published settings.
const (
	DefaultLossHistory = 10    // losses kept of each timestep
	DefaultUniformProb = 0.001 // probability that is spread evenly
)

// NewLossSecondMoment makes a sampler over timesteps 0..T-1 that keeps the last keep losses of each and spreads the
// probability uniform (0..1) evenly.
func NewLossSecondMoment(T, keep int, uniform float64) (*LossSecondMoment, error) {
	if T < 1 || keep < 1 || !(uniform >= 0 && uniform <= 1) {
		return nil, fmt.Errorf("diffusion: loss-second-moment sampler: got %d timesteps, a history of %d, uniform probability %v; "+
			"expected positive numbers and a probability", T, keep, uniform)
	}
	return &LossSecondMoment{history: make([][]float64, T), keep: keep, uniform: uniform}, nil
}

// Update records a loss at timestep t.
func (l *LossSecondMoment) Update(t int, loss float64) {
	h := append(l.history[t], loss)
	if len(h) > l.keep {
		h = append(h[:0], h[1:]...)
	}
	l.history[t] = h
}

// Warm tells whether every timestep has a full history.
func (l *LossSecondMoment) Warm() bool {
	for _, h := range l.history {
		if len(h) < l.keep {
			return false
		}
	}
	return true
}

// Probabilities returns p_t, which add up to 1. The loss of a drawn t is weighted by 1/(T p_t), so that its mean is that of
// uniform draws.
func (l *LossSecondMoment) Probabilities() []float64 {
	n := len(l.history)
	p := make([]float64, n)
	if !l.Warm() {
		for t := range p {
			p[t] = 1 / float64(n)
		}
		return p
	}
	sum := 0.0
	for t, h := range l.history {
		squares := 0.0
		for _, x := range h {
			squares += x * x
		}
		p[t] = math.Sqrt(squares / float64(len(h)))
		sum += p[t]
	}
	for t := range p {
		if sum > 0 {
			p[t] = p[t] / sum * (1 - l.uniform)
		} else { // all losses are 0
			p[t] = (1 - l.uniform) / float64(n)
		}
		p[t] += l.uniform / float64(n)
	}
	return p
}
