package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/kernels/rng"
)

// BoundOptions say how the variational bound is measured.
type BoundOptions struct {
	Batch int    // samples of a network call; 0: 64
	Steps string // a respaced chain as in diffusion.SectionTimesteps; "": every timestep
	Seed  uint64
	// Continuous measures a density (data of points): L_0 is the negative log-density of the Gaussian decoder. Otherwise L_0 is
	// that of images of 8 bits in -1..1 (Ho et al. 2020, equation 13).
	Continuous bool
	// Step, if not nil, is called after each of the network's calls.
	Step func(done, all int)
}

// BoundTerm is what one timestep adds to the bound.
type BoundTerm struct {
	T    int     `json:"t"`    // the network's timestep
	Bits float64 `json:"bits"` // L_t in bits/dim, mean over samples
	// Rate and RMSE are the rate-distortion curve: bits/dim that a decoder has received when it has arrived here from above,
	// and the root mean squared error, 0..255 for images, of the estimate of x_0 it then has (Ho et al. 2020, section 4.3).
	Rate float64 `json:"rate"`
	RMSE float64 `json:"rmse"`
}

// BoundReport is the variational bound of a model on samples, in bits/dim.
type BoundReport struct {
	Samples       int         `json:"samples"`
	Dimensions    int         `json:"dimensions"` // numbers of a sample
	Steps         int         `json:"steps"`
	BitsPerDim    float64     `json:"bits_per_dim"`
	StandardError float64     `json:"standard_error"` // of the mean over samples; 0 for one sample
	Prior         float64     `json:"prior"`          // L_T
	Decoder       float64     `json:"decoder"`        // L_0: Ho et al.'s distortion
	Rate          float64     `json:"rate"`           // all others
	Continuous    bool        `json:"continuous,omitempty"`
	Terms         []BoundTerm `json:"terms"` // by rising t
}

const boundBatch = 64

// Bound measures -log p(x) <= L_0 + .. + L_T of every sample x with one draw of noise for each timestep, as Ho et al.'s and
// OpenAI's calc_bpd_loop do: x_0 is clipped where the model's scheduler clips it. Terms are computed in float64 from the
// float32 output of the network.
func Bound(ctx context.Context, m *model.Model, mach exec.Executor, x *model.Images, labels []int32, o BoundOptions) (*BoundReport, error) {
	if o.Batch < 1 {
		o.Batch = boundBatch
	}
	o.Batch = min(o.Batch, x.N)
	reverse, times, err := boundProcess(m, o)
	if err != nil {
		return nil, err
	}
	net, err := model.NewPredictor(m, mach, o.Batch, x.H, x.W)
	if err != nil {
		return nil, err
	}
	defer net.Close()
	b := &boundRun{net: net, reverse: reverse, times: times, x: x, labels: labels, o: o,
		bits: make([]float64, len(times)), squares: make([]float64, len(times)), totals: make([]float64, x.N)}
	done, all := 0, len(times)*((x.N+o.Batch-1)/o.Batch)
	for lo := 0; lo < x.N; lo += o.Batch {
		for i := range times {
			if err := b.batch(ctx, i, lo, min(lo+o.Batch, x.N)); err != nil {
				return nil, err
			}
			if done++; o.Step != nil {
				o.Step(done, all)
			}
		}
	}
	return b.report(), nil
}

// boundProcess is the reverse process over the chain's timesteps, and these.
func boundProcess(m *model.Model, o BoundOptions) (*diffusion.Reverse, []int, error) {
	if err := m.Signature.Timesteps(); err != nil {
		return nil, nil, err
	}
	p, sections := m.Process, o.Steps
	if sections == "" {
		sections = fmt.Sprint(p.Timesteps())
	}
	times, err := diffusion.SectionTimesteps(p.Timesteps(), sections)
	if err != nil {
		return nil, nil, err
	}
	if len(times) < 2 {
		return nil, nil, errors.New("bound: expected a chain of at least 2 timesteps")
	}
	if p, err = p.Respace(times); err != nil {
		return nil, nil, err
	}
	mean, err := m.Prediction()
	if err != nil {
		return nil, nil, err
	}
	variance, clip := diffusion.Variance(m.Scheduler.VarianceType), 0.0
	if m.Scheduler.ClipSample {
		clip = m.Scheduler.ClipSampleRange
	}
	r, err := diffusion.NewReverse(p, mean, variance, clip)
	if err != nil {
		return nil, nil, err
	}
	if _, out := m.Net.Config().Channels(); r.Variance.IsLearned() != (out == 2*m.C) {
		return nil, nil, fmt.Errorf("bound: the network has %d outputs for %d channels, which does not fit variance type %s", out, m.C, r.Variance)
	}
	return r, times, nil
}

type boundRun struct {
	net     *model.Predictor
	reverse *diffusion.Reverse
	times   []int
	x       *model.Images
	labels  []int32
	o       BoundOptions

	bits, squares []float64 // by timestep: sums over samples of bits/dim, and of mean squared errors of x_0
	totals        []float64 // by sample
}

// batch adds what step i gives for samples lo..hi-1.
func (b *boundRun) batch(ctx context.Context, i, lo, hi int) error {
	size, p := b.x.H*b.x.W*b.x.C, b.reverse.Process
	xt := model.NewImages(hi-lo, b.x.H, b.x.W, b.x.C)
	eps := make([]float32, size)
	for n := lo; n < hi; n++ {
		rng.FillNormal(eps, b.o.Seed, uint32(n), uint32(b.times[i]), rng.StreamID("bound/eps"))
		for k, e := range eps {
			xt.Data[(n-lo)*size+k] = float32(p.Noised(i, float64(b.x.Data[n*size+k]), float64(e)))
		}
	}
	call := model.Batch{X: xt, T: make([]float32, hi-lo)}
	for k := range call.T {
		call.T[k] = float32(b.times[i])
	}
	if b.labels != nil {
		call.Labels = b.labels[lo:hi]
	}
	out, err := b.net.Run(ctx, call)
	if err != nil {
		return err
	}
	for n := lo; n < hi; n++ {
		bits, squares := b.sample(i, b.x.Data[n*size:(n+1)*size], xt.Data[(n-lo)*size:], out.Rows(n-lo, n-lo+1).Data)
		b.bits[i] += bits
		b.squares[i] += squares
		b.totals[n] += bits
	}
	return nil
}

// sample is L_t of one sample in bits/dim and the mean squared error of its estimate of x_0.
func (b *boundRun) sample(i int, x0, xt, out []float32) (bits, squares float64) {
	c, width := b.x.C, len(out)/(len(x0)/b.x.C) // width is C, or 2C with a learned variance
	for k, x := range x0 {
		at, v := k/c*width+k%c, 0.0
		if width > c {
			v = float64(out[at+c])
		}
		mean, logVariance, guess := b.reverse.Distribution(i, float64(xt[k]), float64(out[at]), v)
		squares += (guess - float64(x)) * (guess - float64(x))
		if i == 0 && b.o.Continuous {
			d := float64(x) - mean
			bits += 0.5 * (math.Log(2*math.Pi) + logVariance + d*d*math.Exp(-logVariance))
		} else {
			bits += b.reverse.BoundTerm(i, float64(x), float64(xt[k]), float64(out[at]), v)
		}
	}
	n := float64(len(x0))
	return bits / n / math.Ln2, squares / n
}

func (b *boundRun) report() *BoundReport {
	size, n := b.x.H*b.x.W*b.x.C, float64(b.x.N)
	rep := &BoundReport{Samples: b.x.N, Dimensions: size, Steps: len(b.times), Continuous: b.o.Continuous}
	for i := range b.totals {
		squares := 0.0
		for _, x := range b.x.Data[i*size : (i+1)*size] {
			squares += float64(x) * float64(x)
		}
		prior := b.reverse.Process.PriorKL(squares/float64(size)) / math.Ln2
		b.totals[i] += prior
		rep.Prior += prior / n
		rep.BitsPerDim += b.totals[i] / n
	}
	for _, total := range b.totals {
		rep.StandardError += (total - rep.BitsPerDim) * (total - rep.BitsPerDim)
	}
	if b.x.N > 1 {
		rep.StandardError = math.Sqrt(rep.StandardError / (n - 1) / n)
	}
	scale := 127.5
	if b.o.Continuous {
		scale = 1
	}
	rate := rep.Prior
	rep.Terms = make([]BoundTerm, len(b.times))
	for i := len(b.times) - 1; i >= 0; i-- {
		bits := b.bits[i] / n
		rep.Terms[i] = BoundTerm{T: b.times[i], Bits: bits, Rate: rate, RMSE: scale * math.Sqrt(b.squares[i]/n)}
		rate += bits
	}
	rep.Decoder = rep.Terms[0].Bits
	rep.Rate = rep.BitsPerDim - rep.Decoder
	return rep
}
