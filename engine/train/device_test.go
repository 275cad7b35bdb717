package train

import (
	"math"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/kernels"
)

// TestTrainOnDevice trains a small U-Net on the emulator and on the CPU: losses and gradients agree, the loss falls, a second run has
// the same bits. bf16 is held to the reference kernels, which round where bf16 rounds.
func TestTrainOnDevice(t *testing.T) {
	for _, c := range []struct {
		dtype           kernels.DType
		loss, gradients float64
	}{{kernels.F32, 1e-5, 1e-4}, {kernels.BF16, 3e-3, 2e-2}} {
		t.Run(c.dtype.String(), func(t *testing.T) {
			batch := "train.micro_batch=8"
			if c.dtype == kernels.F32 {
				batch = "train.micro_batch=4"
			}
			steps := 20
			if testing.Short() { // the emulator takes seconds a sample
				steps, batch = 1, "train.micro_batch=2"
			}
			r := tinyUNet(t, batch)
			cpu := exec.CPUOptions{Workers: 2}
			host, same := newLab(t, r, exec.NewCPU(cpu), c.dtype), newLab(t, r, exec.NewCPU(cpu), c.dtype)
			device := newLab(t, r, onEmulator(t), c.dtype)
			var losses []float64
			var weights []float32
			repeated := steps // in a second run; float32 products are slow on the emulator
			if c.dtype == kernels.F32 {
				repeated = max(1, steps/4)
			}
			for k := range steps {
				want, wantLoss := host.step(k)
				got, loss := device.step(k)
				losses = append(losses, loss)
				if k == repeated-1 {
					weights = device.weights()
				}
				if d := math.Abs(loss - wantLoss); !(d <= c.loss*math.Abs(wantLoss)) {
					t.Errorf("step %d: loss %.7g, on the CPU %.7g: off by %.2g", k+1, loss, wantLoss, d/wantLoss)
				}
				if k == 0 {
					if err := host.compareGradients(got, want, c.gradients); err != nil {
						t.Errorf("step 1: %v", err)
					}
				}
				if k == 18 { // the gradients before step 20, of the same weights: Adam blows up differences of small gradients
					same.follow(device)
				}
				if k == 19 {
					want, _ := same.step(k)
					if err := host.compareGradients(got, want, c.gradients); err != nil {
						t.Errorf("step 20: %v", err)
					}
				}
			}
			t.Log(losses)
			if end := mean(losses[steps-min(steps, 5):]); steps == 20 && !(end < losses[0]/2) {
				t.Errorf("the loss went from %.4g to %.4g, the mean of the last five: less than half was to be left", losses[0], end)
			}
			if testing.Short() && c.dtype == kernels.F32 {
				return // bf16 runs twice; float32 products are slow on the emulator
			}
			again := newLab(t, r, onEmulator(t), c.dtype)
			for k := range repeated {
				if _, loss := again.step(k); loss != losses[k] {
					t.Errorf("step %d: a second run has loss %v, the first had %v", k+1, loss, losses[k])
				}
			}
			if !slices.Equal(again.weights(), weights) {
				t.Errorf("the weights of a second run differ after step %d", repeated)
			}
		})
	}
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
