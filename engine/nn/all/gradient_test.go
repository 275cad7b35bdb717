package all

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/nn/mlp"
	"github.com/unnoise/unnoise/kernels"
	_ "github.com/unnoise/unnoise/kernels/all"
	"github.com/unnoise/unnoise/kernels/loss"
)

// small is a U-Net with attention, concatenation, a strided convolution, a residual down-sampler and dropout.
const small = `{"_class_name":"UNet2DModel","sample_size":[4,8],"in_channels":2,"out_channels":2,"block_out_channels":[4,8,8],"layers_per_block":1,
"down_block_types":["DownBlock2D","ResnetDownsampleBlock2D","AttnDownBlock2D"],"up_block_types":["AttnUpBlock2D","ResnetUpsampleBlock2D","UpBlock2D"],
"attention_head_dim":4,"norm_num_groups":2,"norm_eps":1e-5,"downsample_padding":0,"flip_sin_to_cos":false,"freq_shift":1,"dropout":0.1,
"resnet_time_scale_shift":"SHIFT"}`

// TestSmallUNetGradients holds the gradient of whole small networks to central differences in float64,
// along random directions of the weights: all of them, then each parameter alone.
func TestSmallUNetGradients(t *testing.T) {
	for name, edit := range map[string][]string{
		"default":     {"SHIFT", "default"},
		"scale_shift": {"SHIFT", "scale_shift"},
		"resnet samplers": {"SHIFT", "default", "ResnetDownsampleBlock2D", "AttnDownBlock2D",
			`"dropout"`, `"downsample_type":"resnet","upsample_type":"resnet","dropout"`},
		"no middle block": {"SHIFT", "default", `"dropout"`, `"mid_block_type":null,"dropout"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := nn.ParseConfig([]byte(strings.NewReplacer(edit...).Replace(small)))
			if err != nil {
				t.Fatal(err)
			}
			net, err := nn.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			checkNetwork(t, net, kernels.Dense(kernels.F32, 3, 4, 8, 2))
		})
	}
}

// TestMLPGradients does the same for the network for points.
func TestMLPGradients(t *testing.T) {
	cfg := mlp.DefaultConfig()
	cfg.Hidden, cfg.Layers, cfg.TimeEmbedDim = 8, 3, 6
	net, err := nn.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	checkNetwork(t, net, kernels.Dense(kernels.F32, 5, 1, 1, 2))
}

func checkNetwork(t *testing.T, net nn.Network, x kernels.Spec) {
	set, err := nn.Declare(net, x)
	if err != nil {
		t.Fatal(err)
	}
	m := exec.NewCPU(exec.CPUOptions{Workers: 1, Double: true})
	g := graph.New()
	c := nn.NewContext(g, set, nn.WeightsBuffer, true)
	times := g.Persistent("t", kernels.Dense(kernels.I32, x.N, 1, 1, 1))
	y := net.Forward(c, nn.Inputs{X: g.Persistent("x", x), T: times})
	l := kernels.Emit1(g, loss.Loss{Kind: loss.MSE}, y, g.Persistent("target", x))
	values, offsets := c.Trainable()
	base := g.Persistent("grads", kernels.Vector(kernels.F32, set.Size()))
	for i, d := range g.Backward(l, values) {
		g.Assign(g.View(base, "grad", offsets[i], values[i].Spec, false), d, false)
	}
	g.Assign(g.Persistent("loss", kernels.Vector(kernels.F32, 1)), l, false)
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"x", "target"} {
		v := m.Floats(name)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
	}
	if err := m.WriteInts("t", 0, make([]int32, x.N*8)); err != nil {
		t.Fatal(err)
	}
	w := m.Floats(nn.WeightsBuffer)
	public := make([]float32, set.Size())
	for _, q := range set.All() {
		v := make([]float32, q.Elements())
		for i := range v {
			v[i] = float32(0.3 * rng.NormFloat64())
			if len(q.Shape) == 1 {
				v[i]++
			}
		}
		q.Put(public, v)
	}
	for i, v := range public {
		w[i] = float64(v)
	}
	state := &kernels.StepState{Seed: 3, Step: 4, LossScale: 1}
	value := func() float64 {
		if err := r.Run(state); err != nil {
			t.Fatal(err)
		}
		return m.Floats("loss")[0]
	}
	value()
	grads := append([]float64(nil), m.Floats("grads")...)
	compare := func(name string, only *nn.Parameter) {
		dir := make([]float32, set.Size())
		for _, q := range set.All() {
			if only == nil || q == only {
				v := make([]float32, q.Elements())
				for i := range v {
					v[i] = float32(rng.NormFloat64())
				}
				q.Put(dir, v)
			}
		}
		analytic := 0.0
		for i, d := range dir {
			analytic += float64(d) * grads[i]
		}
		keep := append([]float64(nil), w...)
		const h = 1e-6
		var f [2]float64
		for k, s := range []float64{h, -h} {
			for i, d := range dir {
				w[i] = keep[i] + s*float64(d)
			}
			f[k] = value()
		}
		copy(w, keep)
		finite := (f[0] - f[1]) / (2 * h)
		if rel := math.Abs(finite-analytic) / math.Max(1e-3, math.Abs(finite)); !(rel <= 1e-5) {
			t.Errorf("%s: gradient %.9g, central difference %.9g, relative error %.3g", name, analytic, finite, rel)
		}
	}
	for range 3 {
		compare("all weights", nil)
	}
	for i, q := range set.All() {
		if !testing.Short() || i%8 == 0 {
			compare(q.Name, q)
		}
	}
}

// TestFourierWithClassTimes builds a network that uses the one Fourier table for times and for classes.
func TestFourierWithClassTimes(t *testing.T) {
	text := strings.NewReplacer("SHIFT", "default",
		`"dropout":0.1`, `"dropout":0.1,"time_embedding_type":"fourier","class_embed_type":"timestep"`).Replace(small)
	cfg, err := nn.ParseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	net, err := nn.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := nn.Declare(net, kernels.Dense(kernels.F32, 3, 4, 8, 2))
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, p := range set.All() {
		if p.Name == "time_proj.weight" {
			tables++
		}
	}
	if tables != 1 || set.Find("class_embedding.linear_1.weight") == nil {
		t.Errorf("%d tables time_proj.weight, expected one, and a class embedding", tables)
	}
}
