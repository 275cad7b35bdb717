package model_test

import (
	"math"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/nn/unet2d"
	"github.com/unnoise/unnoise/kernels"
	"github.com/unnoise/unnoise/kernels/rng"
)

// large is a small network of large images: the norms of the upper level are of 64x64 pixels, 16 channels in two groups.
func large(t *testing.T, size int) *model.Model {
	t.Helper()
	cfg := unet2d.DefaultConfig()
	cfg.SampleSize, cfg.InChannels, cfg.OutChannels = unet2d.SampleSize{H: size, W: size}, 1, 1
	cfg.BlockOutChannels, cfg.LayersPerBlock, cfg.NormNumGroups = []int{16, 16}, 1, 2
	cfg.DownBlockTypes, cfg.UpBlockTypes, cfg.AddAttention = []string{"DownBlock2D", "DownBlock2D"}, []string{"UpBlock2D", "UpBlock2D"}, false
	return shaken(t, cfg, 0.1)
}

// shaken is a new network whose weights are moved by so much, those that begin at zero, too.
func shaken(t *testing.T, cfg nn.Config, by float32) *model.Model {
	t.Helper()
	sched, err := checkpoint.NewScheduler(checkpoint.DDPMScheduler)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(cfg, sched, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Weights {
		m.Weights[i] += by * float32(math.Sin(float64(i)))
	}
	return m
}

// givenNorms counts the norms of a network's program, those that are given the statistics of channels, and statistics that none reads.
func givenNorms(t *testing.T, m *model.Model) (given, all, unread int) {
	t.Helper()
	p, err := m.PredictProgram(1, m.H, m.W)
	if err != nil {
		t.Fatal(err)
	}
	read := map[int]bool{} // buffers of statistics
	for _, s := range p.Steps {
		if s.Op.Name() == "group_norm" {
			all++
			if len(s.In) > 4 && s.In[4].Buffer >= 0 {
				given++
				read[s.In[4].Buffer] = true
			}
		}
	}
	for _, s := range p.Steps {
		if s.Op.Name() == "conv2d" && len(s.Out) > 1 && !read[s.Out[1].Buffer] {
			unread++
		}
	}
	return given, all, unread
}

// TestNormsTakeStats: in bf16 mode the norms of large images are given the statistics that convolutions take: two on the way down, four
// on the way up, of which two are of concatenations, and the last. Phases of 40x40 pixels are no whole tiles: the skip connection that
// meets the enlarged image has statistics in vain.
func TestNormsTakeStats(t *testing.T) {
	for _, tc := range []struct {
		size         int
		dtype        kernels.DType
		want, unread int
	}{{64, kernels.BF16, 7, 0}, {64, kernels.F32, 0, 0}, {32, kernels.BF16, 0, 0}, {96, kernels.BF16, 7, 0}, {80, kernels.BF16, 6, 1}, {44, kernels.BF16, 0, 0}} {
		m := large(t, tc.size)
		m.DType = tc.dtype
		if given, all, unread := givenNorms(t, m); given != tc.want || all != 17 || unread != tc.unread {
			t.Errorf("%dx%d in %s: %d of %d norms are given statistics, expected %d of 17; %d are read by none, expected %d", tc.size, tc.size, tc.dtype,
				given, all, tc.want, unread, tc.unread)
		}
	}
}

// TestStatsOnDevice holds output and gradients of a network whose norms are given statistics, on the emulator and on the CPU in bf16,
// to the network in float32, whose norms take their own.
func TestStatsOnDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("a network of 64x64 pixels on the emulator: seconds")
	}
	m := large(t, 64)
	b := model.Batch{X: model.NewImages(1, m.H, m.W, m.C), T: []float32{300}}
	target := model.NewImages(1, m.H, m.W, m.C)
	rng.FillNormal(b.X.Data, 9, 0, 0, 1)
	rng.FillNormal(target.Data, 9, 0, 0, 2)
	want, _, wantGrads, err := m.Gradients(exec.NewCPU(exec.CPUOptions{}), b, target)
	if err != nil {
		t.Fatal(err)
	}
	global := 0.0
	for _, g := range wantGrads {
		global += square(g.Data)
	}
	m.DType = kernels.BF16
	for _, mach := range []exec.Executor{exec.NewCPU(exec.CPUOptions{}), onEmulator(t)} {
		y, _, grads, err := m.Gradients(mach, b, target)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := relL2(y.Data, want.Data)
		t.Logf("%s: output off by %.3g", mach.Name(), rel)
		if !(rel <= 3e-2) {
			t.Errorf("%s: output off by %.3g of its norm", mach.Name(), rel)
		}
		for i, g := range grads {
			rel, norm := relL2(g.Data, wantGrads[i].Data)
			if off := rel * norm; !(off <= 5e-2*norm+1e-3*math.Sqrt(global)) {
				t.Errorf("%s: gradient of %s off by %.3g of its norm %.3g, of all %.3g", mach.Name(), g.Name, rel, norm, math.Sqrt(global))
			}
		}
	}
}

func square(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
