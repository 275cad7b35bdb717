package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/eval"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/npy"
)

// evaluateForecasts scores sample paths against what happened.
func evaluateForecasts(c *urfave.Context, g *globals) error {
	if c.String("forecast") == "" || c.String("target") == "" {
		return usagef("evaluate crps needs --forecast FILE.npy (window, sample, step, series) and --target FILE.npy (window, step, series)")
	}
	samples, shape, err := readNumbers(c.String("forecast"), 4)
	if err != nil {
		return err
	}
	target, targetShape, err := readNumbers(c.String("target"), 3)
	if err != nil {
		return err
	}
	want := []int{shape[0], shape[2], shape[3]}
	if fmt.Sprint(targetShape) != fmt.Sprint(want) {
		return fmt.Errorf("%s: got shape %v, expected %v (window, step, series) for a forecast of shape %v", c.String("target"), targetShape, want, shape)
	}
	f := &eval.Forecast{Windows: shape[0], Paths: shape[1], Steps: shape[2], Series: shape[3], Samples: samples, Target: target}
	all, err := f.Score()
	if err != nil {
		return err
	}
	sum, err := f.Sum().Score()
	if err != nil {
		return err
	}
	return g.answer(map[string]any{"crps_sum": sum.CRPS, "crps": all.CRPS, "nd_sum": sum.ND, "nd": all.ND,
		"rmse_sum": sum.RMSE, "rmse": all.RMSE, "windows": f.Windows, "samples": f.Paths, "steps": f.Steps, "series": f.Series},
		"CRPS_sum  %.6f    of the sum over %d series\nCRPS      %.6f    of the series\nND_sum    %.6f    median, of the sum\nND        %.6f    median, of the series",
		sum.CRPS, f.Series, all.CRPS, sum.ND, all.ND)
}

// readNumbers reads an array of dims dimensions; the first, which counts windows, may be missing.
func readNumbers(path string, dims int) ([]float64, []int, error) {
	d, err := npy.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	shape := append([]int(nil), d.Shape()...)
	if len(shape) == dims-1 {
		shape = append([]int{1}, shape...)
	}
	if len(shape) != dims {
		return nil, nil, fmt.Errorf("%s: got shape %v, expected %d dimensions, or %d for one window", path, d.Shape(), dims, dims-1)
	}
	var out []float64
	switch v := d.Data().(type) {
	case []float32:
		for _, x := range v {
			out = append(out, float64(x))
		}
	default:
		ints, err := model.Integers(d)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, x := range ints {
			out = append(out, float64(x))
		}
	}
	return out, shape, nil
}
