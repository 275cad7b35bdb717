package unet2d

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all" // register
	"github.com/unnoise/unnoise/kernels/loss"
	"github.com/unnoise/unnoise/kernels/norm"
	"github.com/unnoise/unnoise/kernels/rng"
)

// large is a U-Net of which the norms of 64x64 pixels gain from given statistics, those of 32x32 pixels
// where there are 40 channels, and those of 16x16 pixels, where the attention is, never.
const large = `{"_class_name":"UNet2DModel","sample_size":64,"in_channels":3,"out_channels":3,"block_out_channels":[16,40,40],"layers_per_block":1,
"down_block_types":["DownBlock2D","DownBlock2D","AttnDownBlock2D"],"up_block_types":["AttnUpBlock2D","UpBlock2D","UpBlock2D"],
"attention_head_dim":8,"norm_num_groups":2,"norm_eps":1e-5}`

// normLab is the program of a network's output and gradients, and its weights.
type normLab struct {
	x       kernels.Spec
	set     *nn.ParamSet
	program *graph.Program
}

// newNormLab builds a network for n images; the context is of the mode that newContext makes.
func newNormLab(t *testing.T, config string, n int, newContext func(*graph.Graph, *nn.ParamSet, string, bool) *nn.Context) *normLab {
	t.Helper()
	cfg, err := ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	net, err := nn.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	size := cfg.SampleSize
	l := &normLab{x: kernels.Dense(kernels.F32, n, size.H, size.W, cfg.InChannels)}
	if l.set, err = nn.Declare(net, l.x); err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	c := newContext(g, l.set, nn.WeightsBuffer, true)
	y := net.Forward(c, nn.Inputs{X: g.Input("x", l.x), T: g.Input("t", kernels.Dense(kernels.F32, n, 1, 1, 1))})
	mse := kernels.Emit1(g, loss.Loss{Kind: loss.MSE}, y, g.Input("target", l.x))
	values, offsets := c.Trainable()
	grads := g.Persistent("grads", kernels.Vector(kernels.F32, l.set.Size()))
	for i, d := range g.Backward(mse, values) {
		g.Assign(g.View(grads, "grad", offsets[i], values[i].Spec.WithDType(kernels.F32), false), d, false)
	}
	g.Output("y", y)
	if l.program, err = g.Compile("test"); err != nil {
		t.Fatal(err)
	}
	return l
}

// given lists the norms whose statistics are given.
func (l *normLab) given() []string {
	var names []string
	for _, s := range l.program.Steps {
		if _, ok := s.Op.(norm.GroupNorm); !ok || s.In[4].Buffer < 0 {
			continue
		}
		for _, p := range l.set.All() {
			if p.Offset == s.In[1].Offset {
				names = append(names, strings.TrimSuffix(p.Name, ".weight"))
			}
		}
	}
	return names
}

// run runs the program on a machine with weights that let gradients through.
func (l *normLab) run(t *testing.T, m exec.Executor) (y, grads []float32) {
	t.Helper()
	draw := func(name string, n int, scale float64) []float32 {
		v := make([]float32, n)
		rng.FillNormal(v, 5, 0, 0, rng.StreamID(name))
		for i := range v {
			v[i] *= float32(scale)
		}
		return v
	}
	arena := make([]float32, l.set.Size())
	for _, p := range l.set.All() {
		scale := 0.3
		if len(p.Shape) > 1 {
			scale = 1.6 / math.Sqrt(float64(p.Elements()/p.Shape[0]))
		}
		if strings.Contains(p.Name, ".to_q.") || strings.Contains(p.Name, ".to_k.") {
			scale /= 3 // a soft attention
		}
		v := draw(p.Name, p.Elements(), scale)
		if p.Init.Kind == nn.One {
			for i := range v {
				v[i]++
			}
		}
		p.Put(arena, v)
	}
	r, err := m.Load(l.program)
	if err != nil {
		t.Fatal(err)
	}
	times := make([]float32, l.x.N)
	for i := range times {
		times[i] = float32(100 * i)
	}
	y, grads = make([]float32, l.x.Elements()), make([]float32, l.set.Size())
	for _, err := range []error{
		m.Write(nn.WeightsBuffer, 0, arena), m.Write(nn.RoundedBuffer(nn.WeightsBuffer), 0, arena),
		r.Set("x", draw("x", l.x.Elements(), 1)), r.Set("target", draw("target", l.x.Elements(), 1)), r.Set("t", times),
		r.Run(&kernels.StepState{LossScale: 1}), r.Get("y", y), m.Read("grads", 0, grads)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return y, grads
}

// compare holds an output and the gradient of each parameter to other ones, in the L2 norm. Roundings
// of the same network to bf16 differ by 1.1 %; a gradient below 1e-5 of the global norm may be off by
// as much: that of the keys' bias is zero but for rounding.
func (l *normLab) compare(t *testing.T, y, grads, wantY, wantGrads []float32) {
	t.Helper()
	const tolerance = 2e-2
	if d := distance(y, wantY); !(d <= tolerance*size(wantY)) {
		t.Errorf("output: off by %.3g of its norm", d/size(wantY))
	}
	for _, p := range l.set.All() {
		got, want := make([]float32, p.Elements()), make([]float32, p.Elements())
		p.Take(grads, got)
		p.Take(wantGrads, want)
		if d := distance(got, want); !(d <= max(tolerance*size(want), 1e-5*size(wantGrads))) {
			t.Errorf("gradient of %s: off by %.3g of its norm %.3g", p.Name, d/size(want), size(want))
		}
	}
}

func size(a []float32) float64 { return distance(a, make([]float32, len(a))) }

func distance(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += math.Pow(float64(x-b[i]), 2)
	}
	return math.Sqrt(sum)
}

// withoutStats is nn.NewBF16Context with norms that take all statistics themselves.
func withoutStats(g *graph.Graph, set *nn.ParamSet, buffer string, train bool) *nn.Context {
	c := nn.NewBF16Context(g, set, buffer, train)
	c.Stats = nil
	return c
}

// TestGivenStatistics lists the norms that take the statistics of convolutions: of large images in bf16
// mode, where all parts of a concatenation have some and tiles lie inside images.
func TestGivenStatistics(t *testing.T) {
	want := strings.Fields(`down_blocks.0.resnets.0.norm1 down_blocks.0.resnets.0.norm2 down_blocks.1.resnets.0.norm2
		up_blocks.1.resnets.0.norm1 up_blocks.1.resnets.0.norm2 up_blocks.1.resnets.1.norm2
		up_blocks.2.resnets.0.norm1 up_blocks.2.resnets.0.norm2 up_blocks.2.resnets.1.norm1 up_blocks.2.resnets.1.norm2 conv_norm_out`)
	for _, c := range []struct {
		name, config string
		context      func(*graph.Graph, *nn.ParamSet, string, bool) *nn.Context
		want         []string
	}{
		{"64x64", large, nn.NewBF16Context, want},
		{"float32", large, nn.NewContext, nil},
		{"tiles of two images", strings.Replace(large, `"sample_size":64`, `"sample_size":60`, 1), nn.NewBF16Context, nil},
		{"32x32", cifar10Config, nn.NewBF16Context, nil},
	} {
		if got := newNormLab(t, c.config, 2, c.context).given(); !slices.Equal(got, c.want) {
			t.Errorf("%s: statistics are given to\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

// TestGivenStatisticsAgree holds a network with given statistics to the same one without, on the CPU.
func TestGivenStatisticsAgree(t *testing.T) {
	with, without := newNormLab(t, large, 2, nn.NewBF16Context), newNormLab(t, large, 2, withoutStats)
	y, grads := with.run(t, exec.NewCPU(exec.CPUOptions{Workers: 2, Poison: true}))
	wantY, wantGrads := without.run(t, exec.NewCPU(exec.CPUOptions{Workers: 2}))
	with.compare(t, y, grads, wantY, wantGrads)
}

// TestGivenStatisticsOnDevice holds it on the emulator to the CPU.
func TestGivenStatisticsOnDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("2.2 G multiply-adds on the emulator take 8 seconds")
	}
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	m, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	l := newNormLab(t, large, 2, nn.NewBF16Context)
	y, grads := l.run(t, m)
	wantY, wantGrads := l.run(t, exec.NewCPU(exec.CPUOptions{Workers: 2}))
	l.compare(t, y, grads, wantY, wantGrads)
}
