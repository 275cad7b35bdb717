package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/bench/samplers"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/viz"
	"github.com/unnoise/unnoise/kernels"
)

// samplerSteps are the numbers of steps at which samplers are compared; a run's schedule may have fewer timesteps.
var samplerSteps = []int{5, 10, 20, 50, 100}

// benchSamplers measures every sampler: on Gaussian data without a network, or with the network of a run on 2-D points.
func benchSamplers(c *urfave.Context, g *globals) error {
	asJSON, err := g.tabular(c, "table")
	if err != nil {
		return err
	}
	only, err := regexp.Compile(c.String("op"))
	if err != nil {
		return usagef("--op: %w", err)
	}
	var rows []samplers.Row
	o := samplers.Options{Steps: samplerSteps, Samples: 5000, Seed: c.Uint64("seed"), Only: only.MatchString}
	encoder := json.NewEncoder(g.out)
	o.Emit = func(r samplers.Row) {
		rows = append(rows, r)
		if asJSON {
			_ = encoder.Encode(r)
			return
		}
		fmt.Fprintln(g.out, samplerLine(r))
	}
	if dir := c.String("model"); dir != "" {
		if o.Model, err = model.Load(dir, false); err != nil {
			return err
		}
		if o.Recipe, err = readRunRecipe(c, dir, nil); err != nil {
			return fmt.Errorf("bench samplers takes a run directory of unnoise train: %w", err)
		}
		if o.Executor, o.Model.DType, err = g.executor(kernels.F32); err != nil {
			return err
		}
		defer o.Executor.Close()
	}
	if !asJSON {
		fmt.Fprintf(g.out, "%-22s %5s %5s  %-14s  %s\n", "sampler", "steps", "calls", "error", "seconds")
	}
	if err := samplers.Measure(c.Context, o); err != nil {
		return err
	}
	if path := c.String("rows"); path != "" {
		if err := appendRows(path, rows); err != nil {
			return err
		}
	}
	if path := c.String("plot"); path != "" {
		return plotSamplers(path, rows, o.Model != nil)
	}
	return nil
}

func samplerLine(r samplers.Row) string {
	line := fmt.Sprintf("%-22s %5d %5d  ", r.Sampler, r.Steps, r.Calls)
	switch {
	case r.Gaussian != nil:
		return line + fmt.Sprintf("%.3e", *r.Gaussian)
	case r.Energy != nil:
		return line + fmt.Sprintf("%-14.3e  %.2f", *r.Energy, *r.Wall)
	}
	return line + r.Reason
}

func appendRows(path string, rows []samplers.Row) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(f)
	for _, r := range rows {
		if err = encoder.Encode(r); err != nil {
			break
		}
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

func plotSamplers(path string, rows []samplers.Row, points bool) error {
	title, y := "N(0, 0.5^2), exact network", "|std - 0.5| / 0.5"
	if points {
		title, y = "trained network", "energy distance to fresh points"
	}
	var curves []viz.Curve
	for _, r := range rows {
		value := r.Gaussian
		if points {
			value = r.Energy
		}
		if value == nil {
			continue
		}
		if n := len(curves); n == 0 || curves[n-1].Name != r.Sampler {
			curves = append(curves, viz.Curve{Name: r.Sampler})
		}
		last := &curves[len(curves)-1]
		last.X, last.Y = append(last.X, float64(r.Calls)), append(last.Y, *value)
	}
	img, err := viz.LogCurves(title, "network calls", y, curves)
	if err != nil {
		return err
	}
	return viz.WritePNG(path, img)
}
