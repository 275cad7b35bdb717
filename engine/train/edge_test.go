package train_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
)

// TestBadStepBeforeReport makes a bad step between two reports while every step is saved: no checkpoint counts steps in which the
// weights stood still, and the last one is that before the bad step.
func TestBadStepBeforeReport(t *testing.T) {
	dir := t.TempDir()
	r := tiny(t, "train.learning_rate=1e30", "train.max_grad_norm=0", "train.warmup_steps=0", "train.log_every=20", "train.checkpoint_every=1")
	_, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir, Executor: cpu()})
	var bad *train.BadStepError
	if !errors.As(err, &bad) {
		t.Fatalf("error %v", err)
	}
	list, err := checkpoint.List(filepath.Join(dir, checkpoint.CheckpointsDir))
	if err != nil {
		t.Fatal(err)
	}
	if last := list[len(list)-1]; last.Path != bad.Checkpoint || last.Step != bad.Step-1 {
		t.Errorf("step %d was bad, the last checkpoint is %s, the one reported %s", bad.Step, last.Path, bad.Checkpoint)
	}
}

// TestInterruptReportsOnce stops a run at a step that has just been reported: its metrics have one line for it.
func TestInterruptReportsOnce(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := train.Run(ctx, train.Options{Recipe: tiny(t), Out: dir, Executor: cpu(), OnProgress: func(p train.Progress) {
		if p.Step == 6 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `{"step":6,"loss"`); n != 1 {
		t.Errorf("%d lines for step 6:\n%s", n, text)
	}
}

// TestRefusedBeforehand refuses what only shows after the steps, the sampler and the weights of the loss, before anything is written.
func TestRefusedBeforehand(t *testing.T) {
	for set, want := range map[string]string{"sample.sampler=nosuch": `unknown sampler "nosuch"`, "sample.steps=41": "41 sampling steps",
		"sample.eta=0.5": "sampler ddpm takes none", "diffusion.objective.kind=elbo": `diffusion.objective: `,
		"diffusion.objective={kind=\"min-snr\",gamma=-1.0}": "gamma is -1"} {
		out := filepath.Join(t.TempDir(), "run")
		_, err := train.Run(context.Background(), train.Options{Recipe: tiny(t, set), Out: out, Executor: cpu()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: error %v, expected one with %q", set, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("--set %s: refused, but %s is there", set, out)
		}
	}
}

// TestSmallest trains on fewer points than a batch has, with one timestep, one point, a batch of one, a single layer.
func TestSmallest(t *testing.T) {
	for name, set := range map[string][]string{
		"fewer points than a batch": {"data.num_points=5"},
		"one point":                 {"data.num_points=1", "train.micro_batch=1", "network.layers=1"},
		"one timestep":              {"diffusion.schedule.timesteps=1"},
		"two timesteps":             {"diffusion.schedule.timesteps=2", "diffusion.objective.kind=bound"},
		"no samples":                {"train.sample_count=0", "train.eval_samples=0"},
	} {
		t.Run(name, func(t *testing.T) {
			res := run(t, train.Options{Recipe: tiny(t, append(set, "train.steps=4")...), Out: t.TempDir()})
			if res.Step != 4 || !(res.Loss > 0) {
				t.Errorf("step %d, loss %g", res.Step, res.Loss)
			}
		})
	}
}

// writeIDX writes n images of h x w pixels, and labels of classes classes.
func writeIDX(t *testing.T, dir, part string, n, h, w, classes int) {
	t.Helper()
	images, labels := []byte{0, 0, 8, 3}, []byte{0, 0, 8, 1}
	for _, d := range []int{n, h, w} {
		images = binary.BigEndian.AppendUint32(images, uint32(d))
	}
	labels = binary.BigEndian.AppendUint32(labels, uint32(n))
	for i := range n {
		labels = append(labels, byte(i%classes))
		for k := range h * w {
			images = append(images, byte(i%classes*40+k*k%53))
		}
	}
	for name, data := range map[string][]byte{part + "-images-idx3-ubyte": images, part + "-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// pictures is a recipe of a small U-Net with classes, attention and dropout for images that are not square.
const pictures = `
[network]
_class_name = "UNet2DModel"
sample_size = [8, 4]
in_channels = 1
out_channels = 1
block_out_channels = [4, 8]
down_block_types = ["DownBlock2D", "AttnDownBlock2D"]
up_block_types = ["AttnUpBlock2D", "UpBlock2D"]
layers_per_block = 1
norm_num_groups = 2
attention_head_dim = 4
num_class_embeds = 3
dropout = 0.1
[diffusion]
schedule = { kind = "linear", timesteps = 6 }
objective = { kind = "min-snr" }
[data]
source = %q
flip = true
[train]
steps = 5
micro_batch = 7
micro_batches = 2
log_every = 2
eval_samples = 11
sample_count = 5
`

// TestClassesOnImages trains a network with classes, dropout and mirrored samples on images that are not square, with more samples in a
// step than there are. Every file of the checkpoint is the same with the memory of dead tensors poisoned, and with a stop and a resume.
func TestClassesOnImages(t *testing.T) {
	dir := t.TempDir()
	writeIDX(t, dir, "train", 10, 8, 4, 3)
	writeIDX(t, dir, "t10k", 4, 8, 4, 3)
	whole, poisoned, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "poisoned"), filepath.Join(dir, "parts")
	take := func(out string, resume, poison bool, set ...string) string {
		r, err := recipe.Parse("pictures", fmt.Sprintf(pictures, dir), set)
		if err != nil {
			t.Fatal(err)
		}
		res, err := train.Run(context.Background(), train.Options{Recipe: r, Out: out, Resume: resume,
			Executor: exec.NewCPU(exec.CPUOptions{Workers: 2, Poison: poison})})
		if err != nil {
			t.Fatal(err)
		}
		return res.Checkpoint
	}
	want := take(whole, false, false)
	same(t, want, take(poisoned, false, true))
	take(parts, false, false, "train.steps=2")
	same(t, want, take(parts, true, false))
}

// TestAccumulation takes the same steps with batches of 30 and with three micro-batches of a third: samples, times and noise are the same, so
// losses and weights agree to rounding.
func TestAccumulation(t *testing.T) {
	for _, objective := range []string{"simple", "min-snr"} {
		var weights [2][]float32
		var losses [2]float64
		for i, split := range [][]string{{"train.micro_batch=30"}, {"train.micro_batch=10", "train.micro_batches=3"}} {
			res := run(t, train.Options{Recipe: tiny(t, append(split, "diffusion.objective.kind="+objective)...), Out: t.TempDir()})
			weights[i], losses[i] = res.Model.Weights, res.Loss
		}
		if d := losses[1] - losses[0]; !(d*d <= 1e-10) {
			t.Errorf("%s: loss %g in one batch, %g in three", objective, losses[0], losses[1])
		}
		for i, w := range weights[0] {
			if d := weights[1][i] - w; !(d*d <= 1e-8) {
				t.Fatalf("%s: weight %d is %g in one batch, %g in three", objective, i, w, weights[1][i])
			}
		}
	}
}

// TestOptions refuses a run without a recipe or a directory.
func TestOptions(t *testing.T) {
	for _, o := range []train.Options{{Out: "x"}, {Recipe: tiny(t)}} {
		if _, err := train.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "set Recipe and Out") {
			t.Errorf("error %v", err)
		}
	}
}

// TestClassesRefused refuses labels that do not fit the network.
func TestClassesRefused(t *testing.T) {
	dir := t.TempDir()
	writeIDX(t, dir, "train", 10, 8, 4, 3)
	for want, change := range map[string]func(){
		"network.num_class_embeds = 2":                    func() {},
		"the network is conditioned on labels":            func() { os.Remove(filepath.Join(dir, "train-labels-idx1-ubyte")) },
		"labels have dimensions [10] for 9 images":        func() { writeIDX(t, dir, "train", 10, 8, 4, 3); cut(t, dir) },
		"set network.sample_size and network.in_channels": func() { writeIDX(t, dir, "train", 10, 4, 8, 3) },
	} {
		writeIDX(t, dir, "train", 10, 8, 4, 3)
		change()
		r, err := recipe.Parse("pictures", fmt.Sprintf(pictures, dir), []string{"network.num_class_embeds=2"})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "run")
		if _, err := train.Run(context.Background(), train.Options{Recipe: r, Out: out, Executor: cpu()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}

// cut makes the training images nine, the labels stay ten.
func cut(t *testing.T, dir string) {
	t.Helper()
	labels := filepath.Join(dir, "train-labels-idx1-ubyte")
	keep, err := os.ReadFile(labels)
	if err != nil {
		t.Fatal(err)
	}
	writeIDX(t, dir, "train", 9, 8, 4, 3)
	if err := os.WriteFile(labels, keep, 0o666); err != nil {
		t.Fatal(err)
	}
}
