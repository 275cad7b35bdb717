package eval

import (
	"context"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/evaluate"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/metrics"
	"github.com/unnoise/unnoise/engine/model"
)

// ClosedForm is the bound on a finite set of points as the sum of what is known in closed form and what the network adds to it.
type ClosedForm struct {
	Optimum float64 `json:"optimum"` // the bound of the best network for these points, bits/dim
	Excess  float64 `json:"excess"`  // by which the network's squared errors raise it, bits/dim
}

// PointsBound computes both for a model of points in the plane: L_t is its weight (diffusion.Bound) times the squared error,
// plus a constant, and the squared error is the least possible one plus its excess.
func PointsBound(ctx context.Context, m *model.Model, mach exec.Executor, points []float32, draws int, seed uint64) (*ClosedForm, error) {
	pred, err := m.Prediction()
	if err != nil {
		return nil, err
	}
	exact, err := metrics.NewDenoiser(points, 2)
	if err != nil {
		return nil, err
	}
	least, err := exact.MinimumLoss(m.Process, pred, draws, seed)
	if err != nil {
		return nil, err
	}
	variance, err := diffusion.ParseVariance(m.Scheduler.VarianceType)
	if err != nil {
		return nil, err
	}
	weights, err := m.Process.Weights(diffusion.Objective{Kind: diffusion.Bound}, pred, variance)
	if err != nil {
		return nil, err
	}
	squares := 0.0
	for _, x := range points {
		squares += float64(x) * float64(x) / float64(len(points))
	}
	c := &ClosedForm{Optimum: m.Process.PriorKL(squares) / math.Ln2}
	for t, constant := range m.Process.BoundConstants(variance) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		excess, err := evaluate.Excess(mach, m, exact, points, pred, t, evaluate.PointsOptions{Draws: draws, Seed: seed})
		if err != nil {
			return nil, err
		}
		c.Optimum += (weights[t]*least.PerT[t] + constant) / math.Ln2
		c.Excess += weights[t] * excess / math.Ln2
	}
	return c, nil
}
