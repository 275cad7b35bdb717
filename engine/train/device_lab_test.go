package train

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/rng"
)

// lab trains a network on a machine, step by step, on data that are a pure function of the step.
type lab struct {
	*Stepper
	t *testing.T
}

// tinyUNet is a recipe with everything that a U-Net of Ho et al. has, for 8x8 pixels of 3 channels: attention, concat, stride 2,
// dropout, time embedding.
func tinyUNet(t testing.TB, set ...string) *recipe.Recipe {
	t.Helper()
	base := []string{"network.sample_size=8", "network.block_out_channels=[32,48]", "network.layers_per_block=1",
		`network.down_block_types=["AttnDownBlock2D","DownBlock2D"]`, `network.up_block_types=["UpBlock2D","AttnUpBlock2D"]`,
		"network.norm_num_groups=2", "network.dropout=0.1", "train.micro_batch=8", "train.micro_batches=2", "train.learning_rate=2e-3", "train.warmup_steps=0",
		"diffusion.schedule.timesteps=50", "diffusion.schedule.beta_end=0.2", "train.log_every=32", "train.steps=20", "train.ema_decay=0.9"}
	r, err := recipe.Preset("cifar10-small", append(base, set...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newLab puts a recipe's network on a machine. Every weight is drawn: with output layers of almost zero, as networks begin, hardly
// any gradient would flow.
func newLab(t *testing.T, r *recipe.Recipe, mach exec.Executor, dtype kernels.DType) *lab {
	t.Helper()
	m, err := r.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	m.DType = dtype
	liven(m)
	t.Cleanup(func() { _ = mach.Close() })
	steps, err := NewStepper(Programs{r, m}, mach)
	if err != nil {
		t.Fatal(err)
	}
	if err := steps.Load(); err != nil {
		t.Fatal(err)
	}
	if err := steps.Begin(); err != nil {
		t.Fatal(err)
	}
	return &lab{steps, t}
}

// liven draws every matrix anew: weights that would start near zero let hardly any gradient through. Small products of queries and keys
// keep the attention soft, and few groups the norms' gradients large: then bf16 blurs each gradient by 1.3 % at most, two roundings of
// the same network differ by less than the 2 % that the test allows.
func liven(m *model.Model) {
	for _, p := range m.Params.All() {
		if len(p.Shape) < 2 {
			continue
		}
		size := 1.6
		if strings.HasSuffix(p.Name, "to_q.weight") || strings.HasSuffix(p.Name, "to_k.weight") {
			size = 0.56
		}
		if p.Name == "conv_out.weight" && m.DType == kernels.F32 {
			size = 1.9 // a bad first guess, so that 20 steps of small batches show
		}
		size /= math.Sqrt(float64(p.Elements() / p.Shape[0]))
		values := make([]float32, p.Elements())
		rng.FillNormal(values, 5, 0, 0, rng.StreamID("liven/"+p.Name))
		for i := range values {
			values[i] *= float32(size)
		}
		p.Put(m.Weights, values)
	}
}

// batch is micro-batch m of step k: smooth pictures of a few shades, which a network learns fast.
func (l *lab) batch(k, m int) []float32 {
	r, s := l.Recipe.Train, l.spec(l.Recipe.Train.MicroBatch)
	x := make([]float32, 0, s.Elements())
	for n := range r.MicroBatch {
		shade := float64((k*r.MicroBatches+m)*r.MicroBatch+n) * math.Phi
		for h := range s.H {
			for w := range s.W {
				for c := range s.C {
					x = append(x, float32(0.9*math.Cos(shade+float64(c)+0.3*float64(h)-0.2*float64(w))))
				}
			}
		}
	}
	return x
}

// follow takes over the state of another lab: weights, their moving average and the moments.
func (l *lab) follow(o *lab) {
	l.t.Helper()
	state := make([]float32, l.Model.Params.Size())
	for _, b := range []string{nn.WeightsBuffer, nn.EMABuffer, momentBuffer, varianceBuffer} {
		if err := o.Executor.Read(b, 0, state); err != nil {
			l.t.Fatal(err)
		}
		if err := l.Executor.Write(b, 0, state); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := l.Model.Round(l.Executor, nn.WeightsBuffer); err != nil {
		l.t.Fatal(err)
	}
}

// weights reads the weights.
func (l *lab) weights() []float32 {
	l.t.Helper()
	w := make([]float32, l.Model.Params.Size())
	if err := l.Executor.Read(nn.WeightsBuffer, 0, w); err != nil {
		l.t.Fatal(err)
	}
	return w
}

// step takes step k and returns its gradient before clipping and its loss.
func (l *lab) step(k int) (grads []float32, loss float64) {
	l.t.Helper()
	grads, loss, err := l.tryStep(k)
	if err != nil {
		l.t.Fatal(err)
	}
	return grads, loss
}

func (l *lab) tryStep(k int) (grads []float32, loss float64, err error) {
	err = l.Step(context.Background(), k, func(k, m int, dst data.Batch) error {
		dst.Put(0, l.Model.C, l.batch(k, m))
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	grads = make([]float32, l.Model.Params.Size())
	if err := l.Executor.Read(model.GradsBuffer, 0, grads); err != nil {
		return nil, 0, err
	}
	list, err := l.Records(k, k+1)
	if err != nil {
		return nil, 0, err
	}
	return grads, list[0].Loss, nil
}

// compareGradients holds each parameter's gradient to another one, in the L2 norm: relative to its own, plus 1e-6 of the global
// norm. In bf16 a gradient below 1e-5 of the global norm may be off by as much: that of the keys' bias is zero but for rounding, since
// a softmax does not see it.
func (l *lab) compareGradients(got, want []float32, tolerance float64) error {
	global := norm2(want)
	for _, p := range l.Model.Params.All() {
		a, b := make([]float32, p.Elements()), make([]float32, p.Elements())
		p.Take(got, a)
		p.Take(want, b)
		size := norm2(b)
		for i := range a {
			a[i] -= b[i]
		}
		allowed := tolerance*size + 1e-6*global
		if l.Model.DType == kernels.BF16 && size < 1e-5*global {
			allowed = 1e-5 * global
		}
		if d := norm2(a); !(d <= allowed) {
			return fmt.Errorf("gradient of %s: off by %.3g of its norm %.3g, allowed %.2g", p.Name, d/size, size, allowed/size)
		}
	}
	return nil
}

func norm2(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// onEmulator is a machine that emulates a device.
func onEmulator(t testing.TB) exec.Executor {
	t.Helper()
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
