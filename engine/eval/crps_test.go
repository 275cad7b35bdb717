package eval

import (
	"math"
	"testing"

	"github.com/unnoise/unnoise/internal/golden"
)

type goldenScore struct {
	CRPS     *float64  `json:"mean_wQuantileLoss"`
	Losses   []float64 `json:"wQuantileLoss"`
	ND       *float64
	RMSE     *float64
	NRMSE    *float64
	Sum      *float64 `json:"abs_target_sum"`
	Coverage []float64
	Error    *float64 `json:"MAE_Coverage"`
}

func (g goldenScore) compare(t *testing.T, what string, f *Forecast) {
	t.Helper()
	s, err := f.Score()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, c := range []struct {
		name string
		got  float64
		want *float64
	}{{"CRPS", s.CRPS, g.CRPS}, {"ND", s.ND, g.ND}, {"RMSE", s.RMSE, g.RMSE}, {"NRMSE", s.NRMSE, g.NRMSE},
		{"sum |y|", s.AbsTargetSum, g.Sum}, {"coverage error", s.CoverageError, g.Error}} {
		if c.want != nil && !(math.Abs(c.got-*c.want) <= 1e-9*math.Abs(*c.want)) {
			t.Errorf("%s %s: got %.15g, expected %.15g", what, c.name, c.got, *c.want)
		}
	}
	for name, pair := range map[string][2][]float64{"losses": {s.WeightedQuantileLoss, g.Losses}, "coverage": {s.Coverage, g.Coverage}} {
		if pair[1] != nil && golden.Worst(pair[0], pair[1]) > 1e-9 {
			t.Errorf("%s %s: got %v, expected %v", what, name, pair[0], pair[1])
		}
	}
}

// TestGoldenCRPS compares with gluonts' evaluator.
func TestGoldenCRPS(t *testing.T) {
	golden.Cases(t, "crps", func(t *testing.T, dir string) {
		var c struct {
			Sum *goldenScore `json:"m_sum"`
			All *goldenScore `json:"all_series"`
		}
		golden.ReadJSON(t, &c, dir, "case.json")
		samples, target := golden.Lookup(t, dir, "samples.npy"), golden.Lookup(t, dir, "target.npy")
		if samples == nil || target == nil {
			t.Skip("the case lacks samples.npy or target.npy")
		}
		n := samples.Shape
		f := &Forecast{Windows: n[0], Paths: n[1], Steps: n[2], Series: n[3], Samples: samples.Data, Target: target.Data}
		if c.Sum != nil {
			c.Sum.compare(t, "sum", f.Sum())
		}
		if c.All != nil {
			c.All.compare(t, "all series", f)
		}
	})
}

func TestForecastMissing(t *testing.T) {
	nan := math.NaN()
	f := &Forecast{Windows: 1, Paths: 2, Steps: 2, Series: 2, Samples: []float64{1, 2, 3, 4, 3, 4, 5, 6}, Target: []float64{2, nan, 4, 5}}
	sum := f.Sum()
	if got := sum.Target; got[0] != 2 || got[1] != 9 {
		t.Errorf("summed target is %v, expected [2 9]", got)
	}
	if s, err := f.Score(); err != nil || s.AbsTargetSum != 11 {
		t.Errorf("got %+v, %v: expected a sum of 11 without the missing number", s, err)
	}
	for _, broken := range []*Forecast{
		{Windows: 1, Paths: 1, Steps: 1, Series: 1, Samples: []float64{1}, Target: []float64{nan}},
		{Windows: 1, Paths: 1, Steps: 1, Series: 1, Samples: []float64{nan}, Target: []float64{1}},
		{Windows: 1, Paths: 2, Steps: 1, Series: 1, Samples: []float64{1}, Target: []float64{1}},
		{Windows: 1, Paths: 1, Steps: 1, Series: 1, Samples: []float64{1}},
		{},
	} {
		if s, err := broken.Score(); err == nil {
			t.Errorf("%+v: got %+v, expected an error", broken, s)
		}
	}
}
