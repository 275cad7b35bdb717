package metrics

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/sampler"
	"github.com/unnoise/unnoise/kernels/rng"
)

func TestEnergyDistance(t *testing.T) {
	energy := func(a, b []float32, dim int) float64 {
		t.Helper()
		e, err := EnergyDistance(a, b, dim)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	// {0} and {1}: 2*1 - 0 - 0. {0, 1} and {1}: 2*.5 - .5 - 0. A 3-4-5 triangle.
	for _, c := range []struct {
		a, b []float32
		dim  int
		want float64
	}{
		{[]float32{0}, []float32{1}, 1, 2},
		{[]float32{0, 1}, []float32{1}, 1, .5},
		{[]float32{0, 0}, []float32{3, 4}, 2, 10},
		{[]float32{0, 0, 0}, []float32{2, 3, 6}, 3, 14},
		{[]float32{1, 2, 3, 4}, []float32{3, 4, 1, 2}, 2, 0},
	} {
		if got := energy(c.a, c.b, c.dim); math.Abs(got-c.want) > 1e-14 {
			t.Errorf("%v against %v: got %v, want %v", c.a, c.b, got, c.want)
		}
	}
	// Two normal samples d apart: E|X-Y| of N(d, 2) against N(0, 2).
	a, b := make([]float32, 3000), make([]float32, 3000)
	rng.FillNormal(a, 1, 0, 0, 0)
	rng.FillNormal(b, 1, 1, 0, 0)
	near := energy(a, b, 1)
	for i := range b {
		b[i] += 2
	}
	folded := func(mu, sd float64) float64 { // mean of |N(mu, sd^2)|
		return sd*math.Sqrt(2/math.Pi)*math.Exp(-mu*mu/(2*sd*sd)) + mu*math.Erf(mu/(sd*math.Sqrt2))
	}
	want := 2*folded(2, math.Sqrt2) - 2*folded(0, math.Sqrt2)
	if got := energy(a, b, 1); math.Abs(got-want) > .1 || near < 0 || near > .005 {
		t.Errorf("shifted normals: got %v, want %v; equal laws: %v", got, want, near)
	}
	for _, bad := range []struct {
		a, b []float32
		dim  int
	}{{nil, a, 1}, {a, nil, 1}, {a[:3], a, 2}, {a, a, 0}} {
		if _, err := EnergyDistance(bad.a, bad.b, bad.dim); err == nil {
			t.Errorf("%d and %d values of dimension %d were accepted", len(bad.a), len(bad.b), bad.dim)
		}
	}
}

// TestEnergyDistanceOfDraws: two draws of the swiss roll are close, a Gaussian is not.
func TestEnergyDistanceOfDraws(t *testing.T) {
	a, b := swissRoll(t, 2000, 0), swissRoll(t, 2000, 1)
	g := make([]float32, 4000)
	rng.FillNormal(g, 1, 0, 0, 0)
	same, err := EnergyDistance(a, b, 2)
	if err != nil {
		t.Fatal(err)
	}
	other, err := EnergyDistance(a, g, 2)
	if err != nil {
		t.Fatal(err)
	}
	if same <= 0 || other < 4*same {
		t.Errorf("two draws %v, a Gaussian %v", same, other)
	}
}

func TestIndependenceOfCores(t *testing.T) {
	a, b := swissRoll(t, 500, 0), swissRoll(t, 400, 1)
	p := process(t, diffusion.Schedule{Kind: diffusion.Cosine, Timesteps: 5})
	run := func(cores int) (float64, []float64) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		e, err := EnergyDistance(a, b, 2)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mustDenoiser(t, a, 2).MinimumLoss(p, diffusion.VPrediction, 300, 2)
		if err != nil {
			t.Fatal(err)
		}
		return e, append(m.PerT, append(m.StdErr, m.Mean, m.MeanStdErr)...)
	}
	e1, m1 := run(1)
	e4, m4 := run(4)
	if e1 != e4 || !slices.Equal(m1, m4) {
		t.Errorf("one core: %v %v; four: %v %v", e1, m1, e4, m4)
	}
}

func TestErrors(t *testing.T) {
	a, b := []float32{1, 2, 3, 4}, []float32{1, 2, 3, 6}
	if got, err := MSE(a, b); err != nil || got != 1 {
		t.Errorf("MSE: %v, %v", got, err)
	}
	if got, err := PSNR(a, b, 10); err != nil || got != 20 {
		t.Errorf("PSNR: %v, %v", got, err)
	}
	if got, err := PSNR(a, a, 2); err != nil || !math.IsInf(got, 1) {
		t.Errorf("PSNR of equal arrays: %v, %v", got, err)
	}
	if got, err := RelativeL2(a, b); err != nil || math.Abs(got-2/math.Sqrt(50)) > 1e-15 {
		t.Errorf("RelativeL2: %v, %v", got, err)
	}
	zero := make([]float32, 4)
	if got, err := RelativeL2(zero, zero); err != nil || got != 0 {
		t.Errorf("RelativeL2 of zeros: %v, %v", got, err)
	}
	if got, err := RelativeL2(a, zero); err != nil || !math.IsInf(got, 1) {
		t.Errorf("RelativeL2 against zero: %v, %v", got, err)
	}
	nan := []float32{1, 2, 3, float32(math.NaN())}
	if got, err := RelativeL2(nan, a); err != nil || !math.IsNaN(got) {
		t.Errorf("RelativeL2 of NaN: %v, %v", got, err)
	}
	if _, err := MSE(a, b[:3]); err == nil {
		t.Error("unequal lengths were accepted by MSE")
	}
	if _, err := RelativeL2(a, nil); err == nil {
		t.Error("unequal lengths were accepted by RelativeL2")
	}
	if _, err := PSNR(a, b, 0); err == nil {
		t.Error("an empty value range was accepted")
	}
}

// TestGaussianChain runs DDIM with the exact network of Gaussian data in float32.
func TestGaussianChain(t *testing.T) {
	p := process(t, diffusion.Schedule{Kind: diffusion.Linear, Timesteps: 1000})
	ddim, err := sampler.Lookup("ddim")
	if err != nil {
		t.Fatal(err)
	}
	o := ddim.Defaults
	o.Steps, o.ClipSample = 10, false
	table, err := ddim.Table(p, o)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{1, -2, .5}
	out := make([]float32, 3)
	for _, s := range table.Steps {
		GaussianEpsilon(out, x, p.AlphasCumprod[int(s.T)], 1)
		for i := range x {
			x0 := s.X0X*float64(x[i]) + s.X0Out*float64(out[i])
			x[i] = float32(s.Next.X0*x0 + s.Next.X*float64(x[i]))
		}
	}
	for i, start := range []float64{1, -2, .5} {
		if want := .8316958768283756 * start; math.Abs(float64(x[i])-want) > 1e-5 {
			t.Errorf("sample %d: got %v, want %v", i, x[i], want)
		}
	}
}
