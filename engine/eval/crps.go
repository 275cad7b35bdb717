// Package eval measures models: how well forecasts are calibrated, and more to come.
package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Forecast is a set of sample paths: Samples is [window, sample, step, series], row-major; Target [window, step, series],
// NaN where it is missing.
type Forecast struct {
	Windows, Paths, Steps, Series int
	Samples, Target               []float64
}

// Quantiles are those that CRPS_sum averages over: 0.05, 0.10, .. 0.95.
func Quantiles() []float64 {
	q := make([]float64, 19)
	for i := range q {
		q[i] = float64(i+1) / 20
	}
	return q
}

// ForecastScore is what gluonts' MultivariateEvaluator prints of one aggregate.
type ForecastScore struct {
	WeightedQuantileLoss []float64 // of each of Quantiles: sum of quantile losses over sum |y|
	CRPS                 float64   // their mean: the quantile approximation of the continuous ranked probability score
	ND                   float64   // sum |median - y| / sum |y|
	RMSE, NRMSE          float64   // of the mean path; divided by mean |y|
	Coverage             []float64 // share of targets at or below each quantile
	CoverageError        float64   // mean |coverage - q|
	AbsTargetSum         float64   // sum |y|
}

// Check tells whether the arrays fit the sizes and all samples are finite.
func (f *Forecast) Check() error {
	if f.Windows < 1 || f.Paths < 1 || f.Steps < 1 || f.Series < 1 {
		return fmt.Errorf("forecast of %d windows, %d samples, %d steps, %d series: expected at least one of each", f.Windows, f.Paths, f.Steps, f.Series)
	}
	if n := f.Windows * f.Paths * f.Steps * f.Series; len(f.Samples) != n {
		return fmt.Errorf("forecast has %d numbers, expected %d", len(f.Samples), n)
	}
	if n := f.Windows * f.Steps * f.Series; len(f.Target) != n {
		return fmt.Errorf("target has %d numbers, expected %d", len(f.Target), n)
	}
	for i, x := range f.Samples {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("forecast holds %v at window %d, sample %d", x, i/(f.Paths*f.Steps*f.Series), i/(f.Steps*f.Series)%f.Paths)
		}
	}
	return nil
}

// Sum is the forecast of the sum over series, one series: CRPS of it is CRPS_sum (Salinas et al. 2019; Rasul et al. 2021,
// section 4). A missing target counts as 0 in the sum, as in gluonts.
func (f *Forecast) Sum() *Forecast {
	s := &Forecast{Windows: f.Windows, Paths: f.Paths, Steps: f.Steps, Series: 1}
	add := func(x []float64) []float64 {
		out := make([]float64, 0, len(x)/f.Series)
		for row := range slices.Chunk(x, f.Series) {
			sum := 0.0
			for _, v := range row {
				if !math.IsNaN(v) {
					sum += v
				}
			}
			out = append(out, sum)
		}
		return out
	}
	s.Samples, s.Target = add(f.Samples), add(f.Target)
	return s
}

// Score compares sample paths with the target. A quantile is the sample at index round((S-1) q) of the S sorted ones, ties to
// even; the loss of quantile z of target y is 2 |(z - y)((y <= z) - q)|. Missing targets are left out.
func (f *Forecast) Score() (*ForecastScore, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	q := Quantiles()
	s := &ForecastScore{WeightedQuantileLoss: make([]float64, len(q)), Coverage: make([]float64, len(q))}
	count, squares := 0.0, 0.0
	paths := make([]float64, f.Paths)
	for i, y := range f.Target {
		if math.IsNaN(y) {
			continue
		}
		window, place := i/(f.Steps*f.Series), i%(f.Steps*f.Series)
		mean := 0.0
		for p := range paths {
			paths[p] = f.Samples[(window*f.Paths+p)*f.Steps*f.Series+place]
			mean += paths[p] / float64(f.Paths)
		}
		slices.Sort(paths)
		for j := range q {
			z, below := paths[int(math.RoundToEven(float64(f.Paths-1)*q[j]))], 0.0
			if y <= z {
				below = 1
			}
			s.Coverage[j] += below
			s.WeightedQuantileLoss[j] += 2 * math.Abs((z-y)*(below-q[j]))
		}
		median := paths[int(math.RoundToEven(float64(f.Paths-1)*0.5))]
		s.ND += math.Abs(median - y)
		s.AbsTargetSum += math.Abs(y)
		squares += (mean - y) * (mean - y)
		count++
	}
	if count == 0 || s.AbsTargetSum == 0 {
		return nil, errors.New("target: every number is missing or 0; the weighted quantile loss divides by their sum")
	}
	s.finish(q, count, squares)
	return s, nil
}

func (s *ForecastScore) finish(q []float64, count, squares float64) {
	for j := range q {
		s.WeightedQuantileLoss[j] /= s.AbsTargetSum
		s.Coverage[j] /= count
		s.CRPS += s.WeightedQuantileLoss[j] / float64(len(q))
		s.CoverageError += math.Abs(s.Coverage[j]-q[j]) / float64(len(q))
	}
	s.ND /= s.AbsTargetSum
	s.RMSE = math.Sqrt(squares / count)
	s.NRMSE = s.RMSE / (s.AbsTargetSum / count)
}
