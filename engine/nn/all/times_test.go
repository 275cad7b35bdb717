package all

import (
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/kernels"
)

// TestTimes holds the output at whole timesteps that are float32 to that at integers, bit for bit, and
// has it change between them.
func TestTimes(t *testing.T) {
	d, err := emu.Open("a100")
	if err != nil {
		t.Fatal(err)
	}
	device, err := exec.NewDevice(d, exec.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	executors := map[string]exec.Executor{"cpu": exec.NewCPU(exec.CPUOptions{Workers: 1}), "emulator": device}
	for name, text := range map[string]string{
		"UNet2DModel": strings.Replace(small, "SHIFT", "default", 1),
		"UnnoiseMLP":  `{"_class_name": "UnnoiseMLP", "hidden": 8, "layers": 2, "time_embed_dim": 8}`,
	} {
		cfg, err := nn.ParseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		net, err := nn.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for on, executor := range executors {
			t.Run(name+"/"+on, func(t *testing.T) {
				ints := predictAt(t, executor, net, kernels.I32, []float32{0, 3, 999})
				if floats := predictAt(t, executor, net, kernels.F32, []float32{0, 3, 999}); !slices.Equal(floats, ints) {
					t.Error("float32 times give other bits than integers")
				}
				if between := predictAt(t, executor, net, kernels.F32, []float32{0.5, 3.5, 999.5}); slices.Equal(between, ints) {
					t.Error("fractions of times change nothing")
				}
			})
		}
	}
}

// predictAt returns a network's output for three samples at times of a type.
func predictAt(t *testing.T, m exec.Executor, net nn.Network, dtype kernels.DType, times []float32) []float32 {
	t.Helper()
	s := net.Signature()
	in, out := net.Config().Channels()
	x := kernels.Dense(kernels.F32, len(times), s.H, s.W, in)
	set, err := nn.Declare(net, x)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	buffer := "weights of " + net.Config().ClassName()
	c := nn.NewContext(g, set, buffer, false)
	ts := kernels.Dense(dtype, len(times), 1, 1, 1)
	g.Output("y", net.Forward(c, nn.Inputs{X: g.Input("x", x), T: g.Input("t", ts)}))
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	weights := make([]float32, set.Size())
	set.Initialize(weights, 1)
	for i := range weights {
		weights[i] += 0.1 * float32(i%7-3)
	}
	setTimes := func() error { return r.Set("t", times) }
	if dtype == kernels.I32 {
		setTimes = func() error {
			whole := make([]int32, len(times))
			for i, v := range times {
				whole[i] = int32(v)
			}
			return r.SetInts("t", whole)
		}
	}
	data, y := make([]float32, x.Elements()), make([]float32, len(times)*s.H*s.W*out)
	for i := range data {
		data[i] = float32(i%11-5) / 4
	}
	for _, err := range []error{m.Write(buffer, 0, weights), setTimes(), r.Set("x", data),
		r.Run(&kernels.StepState{LossScale: 1}), r.Get("y", y)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return y
}
