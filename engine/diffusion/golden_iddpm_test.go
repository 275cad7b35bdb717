package diffusion

import (
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/internal/golden"
)

type iddpmCase struct {
	Config struct {
		T        int
		Schedule string
		Mean     string
		Variance string
	}
	Network      struct{ Eps, V string }
	T            []int
	Terms        map[string][]float64            `json:"vb_terms_bpd"`
	FixedTerms   map[string][]float64            `json:"vb_terms_bpd_fixed_noclip"`
	LearnedTerms []float64                       `json:"vb_terms_bpd_learned_logvar_noclip"`
	Losses       map[string]map[string][]float64 `json:"training_losses"`
	Loop         map[string]struct {
		Total []float64 `json:"total_bpd"`
		Prior []float64 `json:"prior_bpd"`
		L0    []float64 `json:"L0_bits"`
		Sum   []float64 `json:"sum_vb"`
	} `json:"calc_bpd_loop"`
	Respacing map[string]struct {
		Timesteps []int
		Total     []float64 `json:"total_bpd"`
		Prior     []float64 `json:"prior_bpd"`
		ModelT    []float64 `json:"model_t_first_last"`
	}
	Resampler *struct {
		Terms         int
		History       int          `json:"history_per_term"`
		Uniform       float64      `json:"uniform_prob"`
		UpdatesTLoss  [][2]float64 `json:"updates_t_loss"`
		Warm          int          `json:"warm_after_updates"`
		Probabilities []float64
		LossWeight    []float64 `json:"loss_weight_for_t"`
	}

	dir     string
	process *Process
	net     toy
	x0      *golden.Array
}

// TestGoldenIDDPM compares the learned-range variance, every training loss and its gradient, the whole bound, respaced chains
// and the loss-second-moment sampler with OpenAI's code.
func TestGoldenIDDPM(t *testing.T) {
	golden.Cases(t, "iddpm", func(t *testing.T, dir string) {
		c := iddpmCase{dir: dir}
		golden.ReadJSON(t, &c, dir, "case.json")
		c.process = openAISchedule(t, c.Config.Schedule, c.Config.T)
		c.net = toy{golden.Formula(t, c.Network.Eps), golden.Formula(t, c.Network.V)}
		c.x0 = golden.Lookup(t, dir, "x0.npy")
		if c.x0 != nil && golden.Lookup(t, dir, "noise.npy") != nil {
			t.Run("terms", c.terms)
			t.Run("distribution", c.distribution)
			for name, want := range c.Losses {
				t.Run(name, func(t *testing.T) { c.losses(t, name, want) })
			}
			t.Run("gradient", c.gradient)
		}
		if c.x0 != nil && golden.Lookup(t, dir, "noise_table.npy") != nil {
			t.Run("loop", c.loop)
			for sections := range c.Respacing {
				t.Run("respaced "+sections, func(t *testing.T) { c.respaced(t, sections) })
			}
		}
		t.Run("resampler", c.resampler)
	})
}

// variance is that of the case: "learned range: ..", or the name of a fixed one.
func (c *iddpmCase) variance() Variance {
	name, _, _ := strings.Cut(c.Config.Variance, ":")
	return Variance(strings.ReplaceAll(name, " ", "_"))
}

func (c *iddpmCase) reverse(t *testing.T, mean Prediction, variance Variance, clip float64) *Reverse {
	t.Helper()
	r, err := NewReverse(c.process, mean, variance, clip)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c *iddpmCase) batchTerms(t *testing.T, r *Reverse) []float64 {
	noise := golden.ReadArray(t, c.dir, "noise.npy")
	out := make([]float64, len(c.T))
	for i, step := range c.T {
		out[i], _, _ = boundSample(r, step, c.net, float64(step), batch(c.x0, i), batch(noise, i))
	}
	return out
}

func (c *iddpmCase) terms(t *testing.T) {
	mean := Prediction(c.Config.Mean)
	for key, clip := range map[string]float64{"clip0": 0, "clip1": 1} {
		if want, ok := c.Terms[key]; ok {
			goldenEqual(t, key, c.batchTerms(t, c.reverse(t, mean, c.variance(), clip)), want)
		}
	}
	for key, want := range c.FixedTerms {
		goldenEqual(t, key, c.batchTerms(t, c.reverse(t, mean, Variance(key), 0)), want)
	}
	if c.LearnedTerms != nil {
		goldenEqual(t, "learned", c.batchTerms(t, c.reverse(t, mean, Learned, 0)), c.LearnedTerms)
	}
}

func (c *iddpmCase) distribution(t *testing.T) {
	noise := golden.ReadArray(t, c.dir, "noise.npy")
	for suffix, clip := range map[string]float64{"clip0": 0, "clip1": 1} {
		r := c.reverse(t, Prediction(c.Config.Mean), c.variance(), clip)
		var xts, means, logs, guesses []float64
		for i, step := range c.T {
			for j, x := range batch(c.x0, i) {
				xt := c.process.Noised(step, x, batch(noise, i)[j])
				out, v := c.net.at(xt, float64(step))
				mean, logVariance, guess := r.Distribution(step, xt, out, v)
				xts, means, logs, guesses = append(xts, xt), append(means, mean), append(logs, logVariance), append(guesses, guess)
			}
		}
		for name, got := range map[string][]float64{"x_t": xts, "p_mean_" + suffix: means, "p_log_variance_" + suffix: logs,
			"p_pred_xstart_" + suffix: guesses} {
			if want := golden.Lookup(t, c.dir, name+".npy"); want != nil {
				goldenEqual(t, name, got, want.Data)
			}
		}
	}
}

// losses reads a name such as RESCALED_MSE, KL or MSE_START_X: what is predicted behind the kind of loss.
func (c *iddpmCase) losses(t *testing.T, name string, want map[string][]float64) {
	mean, kind := Prediction(c.Config.Mean), name
	if rest, ok := strings.CutSuffix(name, "_START_X"); ok {
		mean, kind = Sample, rest
	} else if rest, ok := strings.CutSuffix(name, "_PREVIOUS_X"); ok {
		mean, kind = PreviousSample, rest
	}
	r, noise := c.reverse(t, mean, c.variance(), 0), golden.ReadArray(t, c.dir, "noise.npy")
	bound := c.batchTerms(t, r)
	var vb, mse, loss []float64
	for i, step := range c.T {
		e := targetError(r, step, c.net, batch(c.x0, i), batch(noise, i))
		b := bound[i]
		switch kind {
		case "RESCALED_MSE":
			b *= float64(c.Config.T) / 1000
		case "RESCALED_KL":
			b *= float64(c.Config.T)
		}
		if strings.HasSuffix(kind, "KL") {
			e = 0
		}
		vb, mse, loss = append(vb, b), append(mse, e), append(loss, b+e)
	}
	for key, got := range map[string][]float64{"vb": vb, "mse": mse, "loss": loss} {
		if want[key] != nil {
			goldenEqual(t, key, got, want[key])
		}
	}
}

// gradient is that of the mean RESCALED_MSE loss with respect to a constant added to eps and to v.
func (c *iddpmCase) gradient(t *testing.T) {
	noise := golden.ReadArray(t, c.dir, "noise.npy")
	r := c.reverse(t, Prediction(c.Config.Mean), c.variance(), 0)
	size := len(batch(c.x0, 0))
	deps, dv := make([]float64, size), make([]float64, size)
	n, scale := float64(size*len(c.T)), float64(c.Config.T)/1000/math.Ln2
	for i, step := range c.T {
		for j, x := range batch(c.x0, i) {
			eps := batch(noise, i)[j]
			xt := c.process.Noised(step, x, eps)
			out, v := c.net.at(xt, float64(step))
			deps[j] += 2 * (out - r.Target(step, x, xt, eps)) / n
			dv[j] += scale * r.BoundGradient(step, x, xt, out, v) / n
		}
	}
	for name, got := range map[string][]float64{"hybrid_grad_eps": deps, "hybrid_grad_v": dv} {
		if want := golden.Lookup(t, c.dir, name+".npy"); want != nil {
			goldenEqual(t, name, got, want.Data)
		}
	}
}

// bound is calc_bpd_loop of a reverse process: all columns run from the last index down to 0.
func (c *iddpmCase) bound(t *testing.T, r *Reverse, netTime func(int) float64) (vb, xmse, mse, prior []float64) {
	table, T := golden.ReadArray(t, c.dir, "noise_table.npy"), r.Process.Timesteps()
	size := len(table.Data) / table.Shape[0]
	for i := range c.x0.Shape[0] {
		x0 := batch(c.x0, i)
		for step := T - 1; step >= 0; step-- {
			b, x, e := boundSample(r, step, c.net, netTime(step), x0, table.Data[step*size+i*len(x0):][:len(x0)])
			vb, xmse, mse = append(vb, b), append(xmse, x), append(mse, e)
		}
		prior = append(prior, priorBits(r.Process, x0))
	}
	return vb, xmse, mse, prior
}

func totals(vb, prior []float64) (total, sum, first []float64) {
	T := len(vb) / len(prior)
	for i, p := range prior {
		own := vb[i*T:][:T]
		s := average(own) * float64(T)
		total, sum, first = append(total, s+p), append(sum, s), append(first, own[T-1])
	}
	return total, sum, first
}

func (c *iddpmCase) loop(t *testing.T) {
	for key, want := range c.Loop {
		r := c.reverse(t, Prediction(c.Config.Mean), Variance(key), 1)
		vb, xmse, mse, prior := c.bound(t, r, func(i int) float64 { return float64(i) })
		total, sum, first := totals(vb, prior)
		compareGiven(t, map[string][2][]float64{key + " total": {total, want.Total}, key + " sum": {sum, want.Sum},
			key + " L0": {first, want.L0}, key + " prior": {prior, want.Prior}})
		for name, got := range map[string][]float64{"vb_" + key: vb, "xstart_mse_" + key: xmse, "mse_" + key: mse} {
			if stored := golden.Lookup(t, c.dir, name+".npy"); stored != nil {
				goldenEqual(t, name, got, stored.Data)
			}
		}
	}
}

func (c *iddpmCase) respaced(t *testing.T, sections string) {
	want, stem := c.Respacing[sections], "spaced_"+strings.ReplaceAll(sections, ",", "_")
	timesteps, err := SectionTimesteps(c.Config.T, sections)
	if err != nil {
		t.Fatal(err)
	}
	if want.Timesteps != nil {
		timestepsEqual(t, "timesteps", c.Config.T, sections, want.Timesteps)
	}
	p, err := c.process.Respace(timesteps)
	if err != nil {
		t.Fatal(err)
	}
	netTime := func(i int) float64 { return float64(timesteps[i]) * 1000 / float64(c.Config.T) }
	if last := p.Timesteps() - 1; want.ModelT != nil && (netTime(last) != want.ModelT[0] || netTime(0) != want.ModelT[1]) {
		t.Errorf("the network's time runs from %v to %v, expected %v", netTime(last), netTime(0), want.ModelT)
	}
	r, err := NewReverse(p, Prediction(c.Config.Mean), c.variance(), 1)
	if err != nil {
		t.Fatal(err)
	}
	vb, _, _, prior := c.bound(t, r, netTime)
	total, _, _ := totals(vb, prior)
	compareGiven(t, map[string][2][]float64{"total": {total, want.Total}, "prior": {prior, want.Prior}})
	for name, got := range map[string][]float64{"vb": vb, "betas": p.Betas, "ancestral": c.chain(t, r, netTime, true),
		"ddim": c.chain(t, r, netTime, false)} {
		if stored := golden.Lookup(t, c.dir, stem+"_"+name+".npy"); stored != nil {
			goldenEqual(t, name, got, stored.Data)
		}
	}
}

// chain samples from noise_table[0]: ancestral with noise_table[i] at index i, or DDIM with eta 0.
func (c *iddpmCase) chain(t *testing.T, r *Reverse, netTime func(int) float64, ancestral bool) []float64 {
	table := golden.ReadArray(t, c.dir, "noise_table.npy")
	size := len(table.Data) / table.Shape[0]
	x := append([]float64(nil), table.Data[:size]...)
	for i := r.Process.Timesteps() - 1; i >= 0; i-- {
		for j := range x {
			out, v := c.net.at(x[j], netTime(i))
			mean, logVariance, x0 := r.Distribution(i, x[j], out, v)
			switch prev := r.Process.AlphasCumprodPrev[i]; {
			case !ancestral:
				x[j] = math.Sqrt(prev)*x0 + math.Sqrt(1-prev)*r.Process.EpsilonOf(i, x[j], x0)
			case i > 0:
				x[j] = mean + math.Exp(0.5*logVariance)*table.Data[i*size+j]
			default:
				x[j] = mean
			}
		}
	}
	return x
}

func (c *iddpmCase) resampler(t *testing.T) {
	want := c.Resampler
	if want == nil {
		t.Skip("no resampler in this case")
	}
	l, err := NewLossSecondMoment(want.Terms, want.History, want.Uniform)
	if err != nil {
		t.Fatal(err)
	}
	warm := -1
	for i, u := range want.UpdatesTLoss {
		l.Update(int(u[0]), u[1])
		if warm < 0 && l.Warm() {
			warm = i + 1
		}
	}
	if want.Warm != 0 && warm != want.Warm && warm != want.Warm+1 { // counted from 0 or from 1
		t.Errorf("warm after %d updates, expected %d", warm, want.Warm)
	}
	p := l.Probabilities()
	compareGiven(t, map[string][2][]float64{"probabilities": {p, want.Probabilities}})
	weights := make([]float64, len(p))
	for i := range p {
		weights[i] = 1 / (float64(len(p)) * p[i])
	}
	compareGiven(t, map[string][2][]float64{"weights": {weights, want.LossWeight}})
}
