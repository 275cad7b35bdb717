package diffusion

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/internal/golden"
)

type hoCase struct {
	Config struct {
		T        int
		Schedule string
		Beta     [2]float64
	}
	Network string
	T       []int
	Terms   map[string]map[string][]float64 `json:"vb_terms_bpd"`
	KL      map[string][]float64            `json:"kl_loss_noclip"`
	MSE     map[string][]float64            `json:"mse_loss"`
	Loop    map[string]struct {
		Total []float64 `json:"total_bpd"`
		Prior []float64 `json:"prior_bpd"`
		L0    []float64
	} `json:"calc_bpd_loop"`
	Progressive map[string]struct {
		Rate       []float64 `json:"rate_bits_per_dim_L1..T"`
		Distortion []float64 `json:"distortion_L0"`
		RMSE       []float64 `json:"rmse255_at_index_0"`
	}

	dir     string
	process *Process
	net     toy
	x0      *golden.Array
}

// TestGoldenHo compares every term of the bound with Ho et al.'s code: calc_bpd_loop, its terms by t, the kl and mse losses and
// progressive sampling.
func TestGoldenHo(t *testing.T) {
	golden.Cases(t, "ho-bpd", func(t *testing.T, dir string) {
		c := hoCase{dir: dir}
		golden.ReadJSON(t, &c, dir, "case.json")
		var err error
		c.process, err = NewProcess(Schedule{Kind: c.Config.Schedule, Timesteps: c.Config.T, BetaStart: c.Config.Beta[0], BetaEnd: c.Config.Beta[1]})
		if err != nil {
			t.Fatal(err)
		}
		_, formula, _ := strings.Cut(c.Network, "=")
		formula, _, _ = strings.Cut(formula, ",")
		c.net.out = golden.Formula(t, strings.TrimSpace(formula))
		if c.x0 = golden.Lookup(t, dir, "x0.npy"); c.x0 == nil {
			t.Skip("the case has no x0.npy")
		}
		if golden.Lookup(t, dir, "noise_table.npy") == nil {
			c.Loop, c.Progressive = nil, nil
		}
		if golden.Lookup(t, dir, "noise.npy") == nil {
			c.Terms, c.KL, c.MSE = nil, nil, nil
		}
		for key, want := range c.Terms {
			for name, clip := range map[string]float64{"clip0": 0, "clip1": 1} {
				if want[name] != nil {
					goldenEqual(t, key+" "+name, c.terms(t, key, clip), want[name])
				}
			}
		}
		for key, want := range c.KL {
			goldenEqual(t, key+" kl loss", c.terms(t, key, 0), want)
		}
		for key, want := range c.MSE {
			goldenEqual(t, key+" mse loss", c.errors(t, key), want)
		}
		for key, want := range c.Loop {
			t.Run(key, func(t *testing.T) { c.loop(t, key, want.Total, want.Prior, want.L0) })
		}
		for key, want := range c.Progressive {
			t.Run("progressive "+key, func(t *testing.T) {
				c.progressive(t, key)
				terms, xmse := c.table(t, "eps_"+key)
				c.rates(t, terms, xmse, want.Rate, want.Distortion, want.RMSE)
			})
		}

	})
}

// reverse reads a key such as eps_fixedsmall.
func (c *hoCase) reverse(t *testing.T, key string, clip float64) *Reverse {
	t.Helper()
	mean, variance, _ := strings.Cut(key, "_")
	m, err := ParseMeanType(mean)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReverse(c.process, m, Variance(variance), clip)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c *hoCase) terms(t *testing.T, key string, clip float64) []float64 {
	r, noise := c.reverse(t, key, clip), golden.ReadArray(t, c.dir, "noise.npy")
	out := make([]float64, len(c.T))
	for i, step := range c.T {
		out[i], _, _ = boundSample(r, step, c.net, float64(step), batch(c.x0, i), batch(noise, i))
	}
	return out
}

func (c *hoCase) errors(t *testing.T, key string) []float64 {
	r, noise := c.reverse(t, key, 0), golden.ReadArray(t, c.dir, "noise.npy")
	out := make([]float64, len(c.T))
	for i, step := range c.T {
		out[i] = targetError(r, step, c.net, batch(c.x0, i), batch(noise, i))
	}
	return out
}

// targetError is the mean squared error in the network's own space.
func targetError(r *Reverse, t int, net toy, x0, eps []float64) float64 {
	sum := 0.0
	for i, x := range x0 {
		xt := r.Process.Noised(t, x, eps[i])
		out, _ := net.at(xt, float64(t))
		d := r.Target(t, x, xt, eps[i]) - out
		sum += d * d
	}
	return sum / float64(len(x0))
}

// table computes the terms of the bound and the errors of x_0, sample by sample, index by index, clipped.
func (c *hoCase) table(t *testing.T, key string) (terms, xmse []float64) {
	r, table := c.reverse(t, key, 1), golden.ReadArray(t, c.dir, "noise_table.npy")
	size := len(table.Data) / table.Shape[0]
	for i := range c.x0.Shape[0] {
		x0 := batch(c.x0, i)
		for step := range c.Config.T {
			noise := table.Data[step*size : (step+1)*size]
			bits, x, _ := boundSample(r, step, c.net, float64(step), x0, noise[i*len(x0):(i+1)*len(x0)])
			terms, xmse = append(terms, bits), append(xmse, x)
		}
	}
	return terms, xmse
}

func (c *hoCase) loop(t *testing.T, key string, total, prior, l0 []float64) {
	terms, xmse := c.table(t, key)
	var totals, priors, firsts []float64
	for i := range c.x0.Shape[0] {
		own := terms[i*c.Config.T:][:c.Config.T]
		p := priorBits(c.process, batch(c.x0, i))
		priors, totals, firsts = append(priors, p), append(totals, average(own)*float64(len(own))+p), append(firsts, own[0])
	}
	compareGiven(t, map[string][2][]float64{"total": {totals, total}, "prior": {priors, prior}, "L0": {firsts, l0}})
	if want := golden.Lookup(t, c.dir, "terms_"+key+".npy"); want != nil {
		goldenEqual(t, "terms", terms, want.Data)
	}
	if want := golden.Lookup(t, c.dir, "xmse_"+key+".npy"); want != nil {
		goldenEqual(t, "xmse", xmse, want.Data)
	}
}

// rates compares what a progressive decoder pays and gets: bits of L_1..L_T, bits of L_0, and the error of its last estimate
// of x_0 on a scale of 0 to 255.
func (c *hoCase) rates(t *testing.T, terms, xmse, rate, distortion, rmse []float64) {
	var gotRate, gotDistortion, gotRMSE []float64
	for i := range c.x0.Shape[0] {
		own := terms[i*c.Config.T:][:c.Config.T]
		sum := average(own)*float64(len(own)) + priorBits(c.process, batch(c.x0, i))
		gotRate = append(gotRate, sum-own[0])
		gotDistortion = append(gotDistortion, own[0])
		gotRMSE = append(gotRMSE, 127.5*math.Sqrt(xmse[i*c.Config.T]))
	}
	compareGiven(t, map[string][2][]float64{"rate": {gotRate, rate}, "distortion": {gotDistortion, distortion}, "rmse": {gotRMSE, rmse}})
}

func priorBits(p *Process, x0 []float64) float64 {
	squares := 0.0
	for _, x := range x0 {
		squares += x * x
	}
	return p.PriorKL(squares/float64(len(x0))) / math.Ln2
}

// progressive walks the ancestral chain of eps predictions with the case's noise and compares its end, and the estimates of
// x_0 on the way. float32 was stored.
func (c *hoCase) progressive(t *testing.T, key string) {
	want := golden.Lookup(t, c.dir, "sample_"+key+".npy")
	noise := golden.Lookup(t, c.dir, "sample_noise.npy")
	if want == nil || noise == nil {
		return
	}
	r, size := c.reverse(t, "eps_"+key, 1), len(noise.Data)/noise.Shape[0]
	x := append([]float64(nil), noise.Data[:size]...)
	estimates := make(map[int][]float64)
	for k := range c.Config.T {
		step, z := c.Config.T-1-k, noise.Data[(k+1)*size:(k+2)*size]
		guess := make([]float64, size)
		for i := range x {
			out, _ := c.net.at(x[i], float64(step))
			mean, logVariance, x0 := r.Distribution(step, x[i], out, 0)
			x[i], guess[i] = mean, x0
			if step > 0 {
				x[i] += math.Exp(0.5*logVariance) * z[i]
			}
		}
		estimates[step] = guess
	}
	if worst := golden.Worst(x, want.Data); worst > 1e-6 {
		t.Errorf("sample off by %g", worst)
	}
	if stored := golden.Lookup(t, c.dir, "xstart_"+key+".npy"); stored != nil {
		c.compareEstimates(t, estimates, stored)
	}
}

// compareEstimates reads stored[sample, n], the estimate left at index i with i / 10 == n, i = 10 n.
func (c *hoCase) compareEstimates(t *testing.T, estimates map[int][]float64, stored *golden.Array) {
	per := len(stored.Data) / stored.Shape[0] / stored.Shape[1]
	every := (c.Config.T + stored.Shape[1] - 1) / stored.Shape[1]
	for s := range stored.Shape[0] {
		for n := range stored.Shape[1] {
			want := stored.Data[(s*stored.Shape[1]+n)*per:][:per]
			got := estimates[n*every][s*per : (s+1)*per]
			if worst := golden.Worst(got, want); worst > 1e-6 {
				t.Errorf("estimate of sample %d at index %d off by %g", s, n*every, worst)
			}
		}
	}
}
