// Package evaluate measures a trained model against what is known in closed form: for 2-D data the least loss that any network can
// reach on the very point set, and the energy distance of samples to fresh data; and it draws the pictures of such a run.
package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/metrics"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/kernels/rng"
)

// PointsOptions are the sizes of an evaluation; zero values take the defaults.
type PointsOptions struct {
	Draws   int    // noised points per timestep; 8192
	Samples int    // samples drawn, and fresh points compared with; 5000
	Seed    uint64 // of draws and samples; it should not be the training seed
}

// PointsReport compares a model of 2-D points with its data.
type PointsReport struct {
	Loss         float64   `json:"loss"`    // mean over t, in the network's prediction space
	Minimum      float64   `json:"minimum"` // closed-form minimum for the same point set
	Ratio        float64   `json:"loss_ratio"`
	PerT         []float64 `json:"loss_ratio_per_t"`
	WorstT       int       `json:"worst_t"`
	WorstRatio   float64   `json:"worst_ratio"`
	Energy       float64   `json:"energy_distance"`       // samples to fresh points, mean over sets
	EnergyFresh  float64   `json:"energy_distance_fresh"` // between two fresh sets, mean over pairs
	EnergyRatio  float64   `json:"energy_ratio"`
	SampleCount  int       `json:"samples"`
	DrawsPerStep int       `json:"draws_per_timestep"`

	forward, reverse []state // for the figure
	frames           []frame
	samples          []float32
}

// freshPairs is how many fresh sets the samples are compared with, and how many pairs of fresh sets among themselves: the distance
// of one pair varies by a factor of three.
const freshPairs = 8

// state is a point set at a time; t counts from 0 (data) to T (noise).
type state struct {
	t  int
	xy []float32
}

type frame struct {
	label string
	xy    []float32
}

// Points evaluates a model of 2-D points trained by a recipe.
func Points(ctx context.Context, mach exec.Executor, m *model.Model, r *recipe.Recipe, o PointsOptions) (*PointsReport, error) {
	if !m.Points() || m.C != 2 {
		return nil, fmt.Errorf("the model takes %d channels of %dx%d: want points in the plane", m.C, m.H, m.W)
	}
	if o.Draws == 0 {
		o.Draws = 8192
	}
	if o.Samples == 0 {
		o.Samples = 5000
	}
	set, err := data.Generate(r.Data.Source, r.Data.NumPoints, r.Data.Seed, 0)
	if err != nil {
		return nil, err
	}
	rep := &PointsReport{SampleCount: o.Samples, DrawsPerStep: o.Draws}
	if err := rep.losses(ctx, mach, m, set.Values(), o); err != nil {
		return nil, err
	}
	return rep, rep.energy(ctx, mach, m, r, o)
}

// losses fills the loss rows. For an output f(x_t) the expected squared error splits into the minimum and E|f - f*|^2, f* being the
// optimal output, so only the second part is measured on draws.
func (rep *PointsReport) losses(ctx context.Context, mach exec.Executor, m *model.Model, points []float32, o PointsOptions) error {
	pred, err := m.Prediction()
	if err != nil {
		return err
	}
	exact, err := metrics.NewDenoiser(points, 2)
	if err != nil {
		return err
	}
	least, err := exact.MinimumLoss(m.Process, pred, o.Draws, o.Seed)
	if err != nil {
		return err
	}
	rep.Minimum = least.Mean
	steps := m.Process.Timesteps()
	for t := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		excess, err := Excess(mach, m, exact, points, pred, t, o)
		if err != nil {
			return err
		}
		ratio := 1 + excess/least.PerT[t]
		rep.PerT = append(rep.PerT, ratio)
		rep.Loss += (least.PerT[t] + excess) / float64(steps)
		if ratio > rep.WorstRatio {
			rep.WorstT, rep.WorstRatio = t, ratio
		}
	}
	rep.Ratio = rep.Loss / rep.Minimum
	return nil
}

// Excess is the mean over draws and coordinates of (f - f*)^2 at timestep t: by how much the network's expected squared error
// in the space of its prediction is above the least that any network can reach.
func Excess(mach exec.Executor, m *model.Model, exact *metrics.Denoiser, points []float32, pred diffusion.Prediction, t int, o PointsOptions) (float64, error) {
	a, b := m.Process.SqrtAlphasCumprod[t], m.Process.SqrtOneMinusAlphasCumprod[t]
	x := noised(points, a, b, t, o.Draws, o.Seed)
	times := make([]float32, o.Draws)
	for i := range times {
		times[i] = float32(t)
	}
	y, err := m.Predict(mach, model.Batch{X: &model.Images{N: o.Draws, H: 1, W: 1, C: 2, Data: x}, T: times})
	if err != nil {
		return 0, err
	}
	eps := make([]float32, len(x))
	if err := exact.Epsilon(eps, x, a*a); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, e := range eps {
		best := float64(e)
		x0 := (float64(x[i]) - b*best) / a
		switch pred {
		case diffusion.Sample:
			best = x0
		case diffusion.VPrediction:
			best = a*best - b*x0
		}
		d := float64(y.Data[i]) - best
		sum += d * d
	}
	return sum / float64(len(eps)), nil
}

// noised draws points of the set and noises them: x = a x_0 + b eps.
func noised(points []float32, a, b float64, t, n int, seed uint64) []float32 {
	x := make([]float32, 2*n)
	stream := rng.StreamID("evaluate/point")
	for i := range n {
		w := rng.Philox4x32(rng.Counter(0, uint32(i), uint32(t), stream), rng.Key(seed))
		k := rng.UniformInt(w[0], len(points)/2)
		e0, e1 := rng.BoxMuller(w[2], w[3])
		x[2*i] = float32(a*float64(points[2*k]) + b*float64(e0))
		x[2*i+1] = float32(a*float64(points[2*k+1]) + b*float64(e1))
	}
	return x
}

// energy draws samples and compares them with fresh points; it keeps the states that the figure shows.
func (rep *PointsReport) energy(ctx context.Context, mach exec.Executor, m *model.Model, r *recipe.Recipe, o PointsOptions) error {
	table, err := sample.Table(m, sample.Method{Name: "ddpm"})
	if err != nil {
		return err
	}
	steps := len(table.Steps)
	x, err := sample.Draw(ctx, m, mach, sample.Options{N: o.Samples, Seed: o.Seed, Table: table, After: func(_, step int, x *model.Images) error {
		xy := append([]float32(nil), x.Data...)
		t := steps - 1 - step
		rep.frames = append(rep.frames, frame{fmt.Sprintf("t = %d", t), xy})
		if t == 0 || t == steps/2 || t == steps-1 {
			rep.reverse = append([]state{{t, xy}}, rep.reverse...)
		}
		return nil
	}})
	if err != nil {
		return err
	}
	rep.samples = x.Data
	var fresh [freshPairs + 1][]float32
	for i := range fresh {
		set, err := data.Generate(r.Data.Source, o.Samples, r.Data.Seed, uint32(2+i))
		if err != nil {
			return err
		}
		fresh[i] = set.Values()
	}
	for i := range freshPairs {
		e, err := metrics.EnergyDistance(x.Data, fresh[i], 2)
		if err != nil {
			return err
		}
		f, err := metrics.EnergyDistance(fresh[i], fresh[i+1], 2)
		if err != nil {
			return err
		}
		rep.Energy += e / freshPairs
		rep.EnergyFresh += f / freshPairs
	}
	rep.EnergyRatio = rep.Energy / rep.EnergyFresh
	rep.forwardStates(m, fresh[0], o.Seed)
	return nil
}

// forwardStates noises fresh points to the times of the reverse states; each point keeps its noise.
func (rep *PointsReport) forwardStates(m *model.Model, points []float32, seed uint64) {
	eps := make([]float32, len(points))
	rng.FillNormal(eps, seed, 0, 0, rng.StreamID("evaluate/forward"))
	for _, s := range rep.reverse {
		xy := append([]float32(nil), points...)
		if s.t > 0 {
			abar := m.Process.AlphasCumprod[s.t]
			a, b := float32(math.Sqrt(abar)), float32(math.Sqrt(1-abar))
			for i := range xy {
				xy[i] = a*points[i] + b*eps[i]
			}
		}
		rep.forward = append(rep.forward, state{s.t, xy})
	}
}
