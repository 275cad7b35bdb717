// Package samplers measures how near each sampling method comes to the data for a number of network calls: on Gaussian data,
// where the best network is known in closed form, and with a trained network on points in the plane.
package samplers

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/metrics"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
)

// Row is one sampler at one number of steps. Numbers that were not measured are nil.
type Row struct {
	Sampler string `json:"sampler"`
	Steps   int    `json:"steps"`
	Calls   int    `json:"calls"` // of the network
	// Gaussian is |std - 0.5| / 0.5 of samples of N(0, 0.5^2) with the exact network: linear betas 1e-4..0.02, T = 1000.
	Gaussian *float64 `json:"gaussian_error,omitempty"`
	// Energy is the energy distance of samples to fresh points of the run's data, and Wall the time they took.
	Energy *float64 `json:"energy_distance,omitempty"`
	Wall   *float64 `json:"wall_s,omitempty"`
	Reason string   `json:"reason,omitempty"` // why there is no number
}

// Options say what is measured.
type Options struct {
	Steps []int
	// Model, Recipe and Executor measure a run on points in the plane; nil: Gaussian data alone.
	Model    *model.Model
	Recipe   *recipe.Recipe
	Executor exec.Executor
	Samples  int
	Seed     uint64
	Only     func(name string) bool // nil: every sampler
	Emit     func(Row)
}

const (
	gaussianStd = 0.5
	freshSets   = 4 // the energy distance is a mean over so many
)

// Measure emits a row for every sampler and number of steps.
func Measure(ctx context.Context, o Options) error {
	p, err := diffusion.NewProcess(diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	if err != nil {
		return err
	}
	fresh, err := o.fresh()
	if err != nil {
		return err
	}
	for _, name := range sampler.Names() {
		if o.Only != nil && !o.Only(name) {
			continue
		}
		s, err := sampler.Lookup(name)
		if err != nil {
			return err
		}
		for _, steps := range o.Steps {
			if err := ctx.Err(); err != nil {
				return err
			}
			row := Row{Sampler: name, Steps: steps}
			if o.Model == nil {
				row.gaussian(p, s)
			} else if err := row.points(ctx, o, fresh); err != nil {
				return err
			}
			o.Emit(row)
		}
	}
	return nil
}

func (r *Row) gaussian(p *diffusion.Process, s *sampler.Sampler) {
	options := s.Defaults
	options.Steps, options.ClipSample, options.PredictionType = r.Steps, false, diffusion.Epsilon
	table, err := s.Table(p, options)
	if err != nil {
		r.Reason = err.Error()
		return
	}
	r.Calls = len(table.Steps)
	std, err := gaussianDeviation(table)
	if err != nil {
		r.Reason = err.Error()
		return
	}
	e := math.Abs(std-gaussianStd) / gaussianStd
	r.Gaussian = &e
}

// gaussianDeviation is the standard deviation of a table's samples, exactly: with Gaussian data every step is linear, so that a
// sample is a linear combination of x_T and the noise of each step. Element 0 carries the coefficient on x_T, element i+2 that
// on the noise of step i, i = -1 being the start's.
func gaussianDeviation(t *sampler.Table) (float64, error) {
	x := make([]float64, len(t.Steps)+2)
	x[0] = 1
	call := 0
	network := func(x []float64, _ float64) []float64 {
		s := &t.Steps[call]
		call++
		out := make([]float64, len(x))
		for i, v := range x { // the output for which x_0 = X0X x + X0Out out is E[x_0 | Alpha x_0 + Sigma eps]
			x0 := s.Alpha * gaussianStd * gaussianStd * v / s.InScale / (s.Alpha*s.Alpha*gaussianStd*gaussianStd + s.Sigma*s.Sigma)
			out[i] = (x0 - s.X0X*v) / s.X0Out
		}
		return out
	}
	y, err := t.Run64(network, x, 1, func(step int, z []float64) {
		clear(z)
		z[step+2] = 1
	})
	if err != nil {
		return 0, err
	}
	squares := 0.0
	for _, v := range y {
		squares += v * v
	}
	return math.Sqrt(squares), nil
}

// fresh draws sets of points that the network has not seen.
func (o *Options) fresh() ([][]float32, error) {
	if o.Model == nil {
		return nil, nil
	}
	if !o.Model.Points() || o.Model.C != 2 {
		return nil, fmt.Errorf("bench samplers: expected a run on points in the plane, got samples of %dx%dx%d", o.Model.C, o.Model.H, o.Model.W)
	}
	var sets [][]float32
	for i := range freshSets {
		set, err := data.Generate(o.Recipe.Data.Source, o.Samples, o.Recipe.Data.Seed, uint32(2+i))
		if err != nil {
			return nil, err
		}
		sets = append(sets, set.Values())
	}
	return sets, nil
}

func (r *Row) points(ctx context.Context, o Options, fresh [][]float32) error {
	table, err := sample.Table(o.Model, sample.Method{Name: r.Sampler, Steps: r.Steps})
	if err != nil {
		r.Reason = err.Error()
		return nil
	}
	r.Calls = len(table.Steps)
	began := time.Now()
	x, err := sample.Draw(ctx, o.Model, o.Executor, sample.Options{N: o.Samples, Seed: o.Seed, Table: table})
	if err != nil {
		return err
	}
	wall, energy := time.Since(began).Seconds(), 0.0
	for _, set := range fresh {
		e, err := metrics.EnergyDistance(x.Data, set, 2)
		if err != nil {
			return err
		}
		energy += e / float64(len(fresh))
	}
	r.Energy, r.Wall = &energy, &wall
	return nil
}
