package sampler

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/internal/golden"
)

// denoiserGrid is a grid for networks that give x_0 of x = x_0 + sigma eps and are told sigma.
func denoiserGrid(sigmas []float64) *Grid {
	at := func(sigma float64) Level { return Level{T: sigma, Alpha: 1, Sigma: sigma, InScale: 1, X0Out: 1} }
	g := &Grid{Init: sigmas[0], At: at}
	for _, s := range sigmas {
		g.Levels = append(g.Levels, at(s))
	}
	return g
}

// build makes the table of a sampler on a grid.
func build(t *testing.T, name string, o Options) *Table {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func defaults(t *testing.T, name string) Options {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return s.Defaults
}

type kdiffCase struct {
	Networks map[string]json.RawMessage // columns of a Gaussian, or the rule in words
	Grids    map[string][]float64
	Defaults string
	Churn    struct {
		SChurn float64 `json:"s_churn"`
		STMin  float64 `json:"s_tmin"`
		STMax  float64 `json:"s_tmax"`
		SNoise float64 `json:"s_noise"`
	}
	Results     map[string][][]float64
	Evaluations map[string]int
}

// kdiffNames are the samplers under k-diffusion's names.
var kdiffNames = map[string]string{"euler": "euler", "heun": "heun", "dpm_2": "kdpm2", "dpmpp_2m": "dpmpp-2m",
	"dpmpp_2s": "dpmpp-2s-ancestral", "lms": "lms", "euler_ancestral": "euler-ancestral",
	"dpm_2_ancestral": "kdpm2-ancestral", "dpmpp_2s_ancestral": "dpmpp-2s-ancestral", "dpmpp_sde": "dpmpp-sde",
	"dpmpp_2m_sde": "dpmpp-2m-sde",
	"dpmpp_3m_sde": "dpmpp-3m-sde"}

// parts of a result's name: sampler, order, and options in any order.
var kdiffName = regexp.MustCompile(`^(.*?)(\d?)((?:_eta[\d.]+|_r[\d.]+|_s_noise[\d.]+|_churn|_midpoint|_heun)*)$`)

// configure makes the options of a result, "heun_churn" or "euler_ancestral_eta.4".
func (c *kdiffCase) configure(t *testing.T, result string, grid *Grid) (name string, o Options, churn bool) {
	t.Helper()
	m := kdiffName.FindStringSubmatch(result)
	method, order, extras := m[1], m[2], m[3]
	if kdiffNames[method] == "" { // the digit belongs to the name, as in dpm_2
		method, order = method+order, ""
	}
	if name = kdiffNames[method]; name == "" {
		t.Fatalf("unknown sampler %q", result)
	}
	o = defaults(t, name)
	o.Grid = grid
	if order != "" {
		o.SolverOrder = int(number(t, order))
	}
	for _, e := range strings.Split(extras, "_") {
		switch {
		case strings.HasPrefix(e, "eta"):
			o.Eta = number(t, e[3:])
		case strings.HasPrefix(e, "r") && e != "r":
			o.R = number(t, e[1:])
		case e == "midpoint" || e == "heun":
			o.SolverType = e
		case e == "churn":
			churn = true
			o.SChurn, o.STMin, o.STMax, o.SNoise = c.Churn.SChurn, c.Churn.STMin, c.Churn.STMax, c.Churn.SNoise
		}
	}
	for _, has := range regexp.MustCompile(`(\S+) has (\w+) ([\d.]+\d)`).FindAllStringSubmatch(c.Defaults, -1) {
		if has[1] != result {
			continue
		}
		switch has[2] {
		case "eta":
			o.Eta = number(t, has[3])
		case "s_noise":
			o.SNoise = number(t, has[3])
		default:
			t.Fatalf("unknown option %q", has[0])
		}
	}
	return name, o, churn
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// network returns the denoiser of that name for rows of the given length.
func (c *kdiffCase) network(t *testing.T, name string) func(x []float64, sigma float64) []float64 {
	t.Helper()
	var n struct{ S, Mu []float64 }
	if err := json.Unmarshal(c.Networks[name], &n); err != nil && name != "two" {
		t.Fatalf("unknown network %q: %v", name, err)
	}
	return func(x []float64, sigma float64) []float64 {
		out := make([]float64, len(x))
		for i, v := range x {
			if len(n.S) == 0 {
				out[i] = math.Tanh(v / (sigma * sigma))
				continue
			}
			s2, mu := n.S[i%len(n.S)]*n.S[i%len(n.S)], n.Mu[i%len(n.Mu)]
			out[i] = (s2*v + sigma*sigma*mu) / (s2 + sigma*sigma)
		}
		return out
	}
}

// TestGoldenKDiffusion holds tables on given grids to k-diffusion's own samplers.
func TestGoldenKDiffusion(t *testing.T) {
	golden.Cases(t, "kdiff", func(t *testing.T, dir string) {
		var c kdiffCase
		golden.ReadJSON(t, &c, dir, "case.json")
		x := golden.ReadArray(t, dir, "x0.npy")
		z := golden.Lookup(t, dir, "z.npy")
		worst := 0.0
		for _, key := range slices.Sorted(maps.Keys(c.Results)) {
			parts := strings.SplitN(key, ".", 3)
			if parts[2] == "dpm_fast" { // chooses its own times: no table of given noise levels
				continue
			}
			name, o, churn := c.configure(t, parts[2], denoiserGrid(c.Grids[parts[0]]))
			table := build(t, name, o)
			if n, ok := c.Evaluations[key]; ok && n != len(table.Steps) {
				t.Errorf("%s: %d calls, expected %d", key, len(table.Steps), n)
			}
			draws := 0
			got, err := table.Run64(c.network(t, parts[1]), x.Data, x.Shape[0], func(step int, dst []float64) {
				if churn { // one draw a sampling step, before its first call
					draws = table.Steps[step+1].Sample
				}
				copy(dst, z.Data[draws*len(dst):])
				draws++
			})
			if err != nil {
				t.Fatal(err)
			}
			d := golden.Worst(got, slices.Concat(c.Results[key]...))
			worst = math.Max(worst, d)
			if !(d <= 1e-9) {
				t.Errorf("%s differs by %g", key, d)
			}
		}
		t.Logf("worst difference %.2g", worst)
	})
}

type unipcCase struct {
	LambdaGrid   []float64 `json:"lambda_grid"`
	Network      struct{ S, Mu []float64 }
	Trajectories map[string][][][]float64
}

// lambdaLevel has unit variance, of networks that give x_0 and are told lambda.
func lambdaLevel(lambda float64) Level {
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	return Level{T: lambda, Alpha: math.Sqrt(sigmoid(2 * lambda)), Sigma: math.Sqrt(sigmoid(-2 * lambda)),
		InScale: 1, X0Out: 1}
}

var unipcName = regexp.MustCompile(`^unipc_(bh[12])_(x0|eps)_order(\d)(_no_lower_final)?$`)

// configure makes the options of a trajectory.
func (c *unipcCase) configure(t *testing.T, key string) (name string, o Options) {
	t.Helper()
	grid := &Grid{Init: 1, At: func(ratio float64) Level { return lambdaLevel(-math.Log(ratio)) }}
	for _, lambda := range c.LambdaGrid {
		grid.Levels = append(grid.Levels, lambdaLevel(lambda))
	}
	solverTypes := map[string]string{"dpmsolver": "midpoint", "taylor": "heun"}
	if m := unipcName.FindStringSubmatch(key); m != nil {
		o = defaults(t, "unipc")
		o.SolverType, o.PredictX0, o.SolverOrder = m[1], m[2] == "x0", int(number(t, m[3]))
		o.LowerOrderFinal, o.Grid = m[4] == "", grid
		return "unipc", o
	}
	parts := strings.SplitN(key, "_", 4)
	switch {
	case parts[0] == "dpmpp" && strings.HasSuffix(parts[1], "s"):
		name, o = "dpmpp-2s-ancestral", defaults(t, "dpmpp-2s-ancestral")
		o.Eta, o.SolverType = 0, solverTypes[parts[2]]
	case parts[0] == "dpmpp":
		name, o = "dpmpp-2m", defaults(t, "dpmpp-2m")
		o.SolverOrder = int(number(t, parts[1][:1]))
		if o.SolverOrder > 1 {
			o.SolverType, o.LowerOrderFinal = solverTypes[parts[2]], parts[3] == "lower_final"
		}
	default:
		t.Fatalf("unknown method %q", key)
	}
	o.Grid = grid
	return name, o
}

// TestGoldenUniPC holds tables on given grids to UniPC's and DPM-Solver++'s trajectories.
func TestGoldenUniPC(t *testing.T) {
	golden.Cases(t, "unipc", func(t *testing.T, dir string) {
		var c unipcCase
		golden.ReadJSON(t, &c, dir, "case.json")
		x := golden.ReadArray(t, dir, "x.npy")
		net := func(x []float64, lambda float64) []float64 {
			l, out := lambdaLevel(lambda), make([]float64, len(x))
			for i, v := range x {
				s, mu := c.Network.S[i%len(c.Network.S)], c.Network.Mu[i%len(c.Network.Mu)]
				s2 := s * s
				out[i] = (l.Alpha*s2*v + l.Sigma*l.Sigma*mu) / (l.Alpha*l.Alpha*s2 + l.Sigma*l.Sigma)
			}
			return out
		}
		worst := 0.0
		for _, key := range slices.Sorted(maps.Keys(c.Trajectories)) {
			want := c.Trajectories[key]
			name, o := c.configure(t, key)
			table := build(t, name, o)
			check := func(point int, got []float64) {
				d := golden.Worst(got, slices.Concat(want[point]...))
				worst = math.Max(worst, d)
				if !(d <= 1e-9) {
					t.Errorf("%s at point %d differs by %g", key, point, d)
				}
			}
			corrected := o.SolverOrder // UniPC's slot of the state it predicts from
			after := func(i int, state []float64, history [MaxHistory][]float64) {
				switch s := table.Steps[i]; {
				case name == "unipc" && i < len(table.Steps)-1:
					check(i, history[corrected])
				case name != "unipc" && (i == len(table.Steps)-1 || table.Steps[i+1].Sample != s.Sample):
					check(s.Sample+1, state)
				}
			}
			got, err := table.run64(net, x.Data, x.Shape[0], nil, after)
			if err != nil {
				t.Fatal(err)
			}
			check(len(want)-1, got)
		}
		t.Logf("worst difference %.2g", worst)
	})
}
