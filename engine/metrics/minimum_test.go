package metrics

import (
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/kernels/rng"
)

func swissRoll(t testing.TB, n int, draw uint32) []float32 {
	t.Helper()
	a, err := data.Generate("swissroll", n, 1, draw)
	if err != nil {
		t.Fatal(err)
	}
	return a.Values()
}

func process(t testing.TB, s diffusion.Schedule) *diffusion.Process {
	t.Helper()
	p, err := diffusion.NewProcess(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustDenoiser(t testing.TB, points []float32, dim int) *Denoiser {
	t.Helper()
	d, err := NewDenoiser(points, dim)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestExp(t *testing.T) {
	for i := range 200000 {
		x := -700 + float64(i)*0.007
		if got, want := exp(x), math.Exp(x); math.Abs(got/want-1) > 3e-13 {
			t.Fatalf("exp(%v): got %v, want %v", x, got, want)
		}
	}
	if exp(0) != 1 {
		t.Errorf("exp(0) = %v", exp(0))
	}
}

// TestCellSum compares the accelerated posterior variance with the plain one,
// from noise far below the spacing of the points to noise that drowns them, also
// at queries that lie well off the data.
func TestCellSum(t *testing.T) {
	points := swissRoll(t, 10000, 0)
	d := mustDenoiser(t, points, 2)
	x0 := make([]float64, 2)
	worst := 0.0
	for _, sigma := range []float64{.001, .01, .05, .16, .3, .6, 1, 1.7, 3, 6, 40, 200} {
		cells := newCellSum(d.points, sigma)
		scratch := new(cellScratch)
		abar := 1 / (1 + sigma*sigma)
		for i := range uint32(60) {
			w := rng.Philox4x32([4]uint32{i}, [2]uint32{})
			z := rng.Normal4(rng.Philox4x32([4]uint32{i, 1}, [2]uint32{}))
			j := rng.UniformInt(w[0], 10000)
			stretch := float64(1 + i%3)
			x := d.points[2*j] + stretch*sigma*float64(z[0])
			y := d.points[2*j+1] + stretch*sigma*float64(z[1])
			want := d.X0(x0, []float64{x * math.Sqrt(abar), y * math.Sqrt(abar)}, abar)
			mx, my, got := cells.posterior(x, y, scratch)
			if d := math.Hypot(mx-x0[0], my-x0[1]); d > 1e-9 {
				t.Errorf("sigma %v at (%.3f, %.3f): mean (%v, %v), want %v", sigma, x, y, mx, my, x0)
			}
			rel := max(0, math.Abs(got-want)-4e-15) / want // 4e-15: the rounding of squared coordinates
			worst = max(worst, rel)
			if rel > 1e-9 {
				t.Errorf("sigma %v at (%.3f, %.3f), %d cells: got %.15g, want %.15g, relative error %.2g", sigma, x, y, len(cells.cells), got, want, rel)
			}
		}
	}
	t.Logf("largest relative error %.2g", worst)
}

// TestMinimumOfTwoPoints: for x_0 = +-1 the posterior mean is tanh(sqrt(abar) x / (1-abar)).
func TestMinimumOfTwoPoints(t *testing.T) {
	p := process(t, diffusion.Schedule{Kind: diffusion.JSD, Timesteps: 10})
	for _, c := range []struct {
		dim    int
		points []float32
	}{{1, []float32{1, -1}}, {2, []float32{1, 0, -1, 0}}, {3, []float32{0, 1, 0, 0, -1, 0}}} {
		m, err := mustDenoiser(t, c.points, c.dim).MinimumLoss(p, diffusion.Sample, 4096, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, abar := range p.AlphasCumprod {
			want := 0.0
			const steps = 4000
			for k := range steps { // the midpoint rule over +-8 sigma
				z := -8 + 16*(float64(k)+.5)/steps
				x := math.Sqrt(abar) + math.Sqrt(1-abar)*z
				mean := math.Tanh(math.Sqrt(abar) * x / (1 - abar))
				want += (1 - mean*mean) * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * 16 / steps
			}
			want /= float64(c.dim)
			if math.Abs(m.PerT[i]-want) > 4.5*m.StdErr[i]+1e-12 {
				t.Errorf("dimension %d t %d: got %v +- %v, want %v", c.dim, i, m.PerT[i], m.StdErr[i], want)
			}
		}
	}
}

// TestMinimumOfGaussian: many Gaussian points approach abar / (abar + 1 - abar).
func TestMinimumOfGaussian(t *testing.T) {
	points := make([]float32, 20000)
	rng.FillNormal(points, 5, 0, 0, 0)
	p := process(t, diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 20, BetaEnd: .3})
	m, err := mustDenoiser(t, points, 2).MinimumLoss(p, diffusion.Epsilon, 800, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, abar := range p.AlphasCumprod {
		if abar > .85 {
			continue // at little noise a finite set is not a Gaussian
		}
		if math.Abs(m.PerT[i]-abar) > .02*abar {
			t.Errorf("t %d: got %v, want %v", i, m.PerT[i], abar)
		}
	}
}

// TestMinimumIsTheLoss: the optimum's own sampled loss agrees, for each kind of
// prediction.
func TestMinimumIsTheLoss(t *testing.T) {
	points := swissRoll(t, 300, 0)
	d := mustDenoiser(t, points, 2)
	p := process(t, diffusion.Schedule{Kind: diffusion.JSD, Timesteps: 8})
	const draws = 3000
	minima := map[diffusion.Prediction]*Minimum{}
	for _, pred := range []diffusion.Prediction{diffusion.Epsilon, diffusion.Sample, diffusion.VPrediction} {
		m, err := d.MinimumLoss(p, pred, draws, 1)
		if err != nil {
			t.Fatal(err)
		}
		minima[pred] = m
	}
	x, eps, out := make([]float32, 2*draws), make([]float32, 2*draws), make([]float32, 2*draws)
	for i, abar := range p.AlphasCumprod {
		rng.FillNormal(eps, 8, 0, uint32(i), 0)
		a, b := math.Sqrt(abar), math.Sqrt(1-abar)
		x0 := make([]float64, 2*draws)
		for k := range x {
			w := rng.Philox4x32([4]uint32{uint32(k / 2)}, [2]uint32{uint32(i)})
			x0[k] = float64(points[2*rng.UniformInt(w[0], 300)+k%2])
			x[k] = float32(a*x0[k] + b*float64(eps[k]))
		}
		if err := d.Epsilon(out, x, abar); err != nil {
			t.Fatal(err)
		}
		for pred, m := range minima {
			errs := make([]float64, draws)
			for k := range x {
				e, want := float64(out[k]), float64(eps[k])
				est := (float64(x[k]) - b*e) / a
				switch pred {
				case diffusion.Sample:
					e, want = est, x0[k]
				case diffusion.VPrediction:
					e, want = a*e-b*est, a*want-b*x0[k]
				}
				errs[k/2] += (e - want) * (e - want) / 2
			}
			mean, stdErr := meanAndError(errs)
			if math.Abs(mean-m.PerT[i]) > 4.5*math.Hypot(stdErr, m.StdErr[i]) {
				t.Errorf("%s t %d: sampled loss %v +- %v, minimum %v +- %v", pred, i, mean, stdErr, m.PerT[i], m.StdErr[i])
			}
		}
	}
}

func TestMinimumErrors(t *testing.T) {
	p := process(t, diffusion.Schedule{Kind: diffusion.JSD, Timesteps: 4})
	d := mustDenoiser(t, []float32{1, 2}, 2)
	if _, err := d.MinimumLoss(p, "score", 10, 0); err == nil {
		t.Error("an unknown prediction was accepted")
	}
	if _, err := d.MinimumLoss(p, diffusion.Epsilon, 1, 0); err == nil {
		t.Error("one draw was accepted")
	}
	for _, bad := range [][]float32{nil, {1}, {1, 2, 3}, {1, float32(math.NaN())}} {
		if _, err := NewDenoiser(bad, 2); err == nil {
			t.Errorf("points %v were accepted", bad)
		}
	}
	if err := d.Epsilon(make([]float32, 2), make([]float32, 2), 1); err == nil {
		t.Error("abar 1 was accepted")
	}
	if err := d.Epsilon(make([]float32, 2), make([]float32, 4), .5); err == nil {
		t.Error("unequal lengths were accepted")
	}
}

// BenchmarkMinimumLoss is the swiss-roll preset's bar: 10,000 points, 40 x 8192 draws.
func BenchmarkMinimumLoss(b *testing.B) {
	d := mustDenoiser(b, swissRoll(b, 10000, 0), 2)
	p := process(b, diffusion.Schedule{Kind: diffusion.JSD, Timesteps: 40})
	for b.Loop() {
		m, err := d.MinimumLoss(p, diffusion.Epsilon, 8192, 1)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(m.Mean, "loss")
	}
}
