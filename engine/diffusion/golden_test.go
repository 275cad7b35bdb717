package diffusion

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/internal/golden"
)

const goldenTolerance = 1e-9 // relative, float64

// toy is the pointwise network of a case: out and v of a number x at the time t that the network is given.
type toy struct {
	out, v func(map[string]float64) float64
}

func (n toy) at(x, t float64) (out, v float64) {
	vars := map[string]float64{"x": x, "t": t}
	if n.v != nil {
		v = n.v(vars)
	}
	return n.out(vars), v
}

func goldenEqual(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if worst := golden.Worst(got, want); worst > goldenTolerance {
		t.Errorf("%s: off by %.3g relative, allowed %g: got %v.., expected %v..", what, worst, goldenTolerance, got[:min(3, len(got))], want[:min(3, len(want))])
	}
}

// compareGiven compares got and want of those entries that the case has.
func compareGiven(t *testing.T, entries map[string][2][]float64) {
	t.Helper()
	for name, pair := range entries {
		if pair[1] != nil {
			goldenEqual(t, name, pair[0], pair[1])
		}
	}
}

// batch gives sample i of an array whose first axis counts samples, repeated as often as needed.
func batch(a *golden.Array, i int) []float64 {
	size := len(a.Data) / a.Shape[0]
	i %= a.Shape[0]
	return a.Data[i*size : (i+1)*size]
}

func average(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// openAISchedule is OpenAI's rule: linear betas are scaled by 1000/T.
func openAISchedule(t *testing.T, name string, T int) *Process {
	t.Helper()
	s := Schedule{Kind: name, Timesteps: T}
	if name == Linear {
		scale := 1000 / float64(T)
		s.BetaStart, s.BetaEnd = scale*DefaultBetaStart, scale*DefaultBetaEnd
	}
	p, err := NewProcess(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// boundSample is the average BoundTerm of one sample in bits/dim, and its x_0 and eps errors.
func boundSample(r *Reverse, t int, net toy, netTime float64, x0, eps []float64) (bits, xstartMSE, epsMSE float64) {
	n := float64(len(x0))
	for i, x := range x0 {
		xt := r.Process.Noised(t, x, eps[i])
		out, v := net.at(xt, netTime)
		_, _, guess := r.Distribution(t, xt, out, v)
		bits += r.BoundTerm(t, x, xt, out, v) / math.Ln2 / n
		xstartMSE += (guess - x) * (guess - x) / n
		e := r.Process.EpsilonOf(t, xt, guess) - eps[i]
		epsMSE += e * e / n
	}
	return bits, xstartMSE, epsMSE
}

func TestGoldenSchedules(t *testing.T) {
	golden.Cases(t, "iddpm-schedules", func(t *testing.T, dir string) {
		var c struct {
			Schedules map[string]struct {
				Index          []int
				Beta           []float64
				AlphasCumprod  []float64 `json:"alphas_cumprod"`
				SumBeta        float64   `json:"sum_beta"`
				FirstBetas     []float64 `json:"-"`
				TotalTimesteps int       `json:"-"`
			}
			Space map[string][]int `json:"space_timesteps"`
		}
		golden.ReadJSON(t, &c, dir, "case.json")
		for name, want := range c.Schedules {
			kind, count, _ := strings.Cut(name, "-")
			T, err := strconv.Atoi(count)
			if err != nil {
				t.Fatalf("schedule %q: %v", name, err)
			}
			p := openAISchedule(t, kind, T)
			var betas, abars []float64
			for _, i := range want.Index {
				betas, abars = append(betas, p.Betas[i]), append(abars, p.AlphasCumprod[i])
			}
			compareGiven(t, map[string][2][]float64{name + " beta": {betas, want.Beta}, name + " alphas_cumprod": {abars, want.AlphasCumprod}})
			if want.SumBeta != 0 {
				goldenEqual(t, name+" sum", []float64{average(p.Betas) * float64(T)}, []float64{want.SumBeta})
			}
		}
		for name, want := range c.Space {
			count, sections, _ := strings.Cut(name, ":")
			T, err := strconv.Atoi(count)
			if err != nil {
				t.Fatalf("space_timesteps %q: %v", name, err)
			}
			timestepsEqual(t, name, T, sections, want)
		}
	})
}

func timestepsEqual(t *testing.T, name string, T int, sections string, want []int) {
	t.Helper()
	got, err := SectionTimesteps(T, sections)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	a, b := make([]float64, len(got)), make([]float64, len(want))
	for i, v := range got {
		a[i] = float64(v)
	}
	for i, v := range want {
		b[i] = float64(v)
	}
	if golden.Worst(a, b) != 0 {
		t.Errorf("%s: got %v, expected %v", name, got, want)
	}
}

func TestSectionTimestepsRefuses(t *testing.T) {
	for _, sections := range []string{"ddim60", "ddim0", "ddimx", "", "0", "5,-1", "600,600", "1001", "a"} {
		if got, err := SectionTimesteps(1000, sections); err == nil {
			t.Errorf("%q: got %v, expected an error", sections, got)
		}
	}
}

// TestRespaceOfAll: a process respaced to all its timesteps is itself.
func TestRespaceOfAll(t *testing.T) {
	p := openAISchedule(t, Cosine, 50)
	all, err := SectionTimesteps(50, "50")
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Respace(all)
	if err != nil {
		t.Fatal(err)
	}
	goldenEqual(t, "abar", q.AlphasCumprod, p.AlphasCumprod)
	for _, bad := range [][]int{nil, {3, 2}, {1, 1}, {-1, 4}, {4, 50}} {
		if _, err := p.Respace(bad); err == nil {
			t.Errorf("%v: expected an error", bad)
		}
	}
}
