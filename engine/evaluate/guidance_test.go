package evaluate_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/evaluate"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels/rng"
)

// bars writes n images of 8x8 pixels in three classes: the left half bright, the top half, or the rest of a checkerboard of quarters; one pixel in
// eight is wrong.
func bars(t *testing.T, dir, part string, n int) {
	t.Helper()
	images, labels := []byte{0, 0, 8, 3}, []byte{0, 0, 8, 1}
	for _, d := range []int{n, 8, 8} {
		images = binary.BigEndian.AppendUint32(images, uint32(d))
	}
	labels = binary.BigEndian.AppendUint32(labels, uint32(n))
	noise := make([]float32, n*64)
	rng.FillUniform(noise, uint64(n), 0, 0, 1)
	for i := range n {
		labels = append(labels, byte(i%3))
		for k := range 64 {
			bright := [3]bool{k%8 < 4, k < 32, (k%8 < 4) == (k < 32)}[i%3] != (noise[i*64+k] < 1.0/8)
			images = append(images, map[bool]byte{true: 230, false: 20}[bright])
		}
	}
	for name, text := range map[string][]byte{part + "-images-idx3-ubyte": images, part + "-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

const barsRecipe = `
[network]
_class_name = "UNet2DModel"
sample_size = 8
in_channels = 1
out_channels = 1
block_out_channels = [8, 16]
down_block_types = ["DownBlock2D", "DownBlock2D"]
up_block_types = ["UpBlock2D", "UpBlock2D"]
layers_per_block = 1
norm_num_groups = 4
num_class_embeds = 4
[diffusion]
schedule = { kind = "linear", timesteps = 100, beta_start = 1e-3, beta_end = 0.2 }
[data]
source = %q
[train]
steps = 250
micro_batch = 32
learning_rate = 4e-3
ema_decay = 0.98
label_dropout = 0.2
log_every = 50
sample_count = 0
eval_samples = 0
[sample]
sampler = "ddim"
steps = 10
`

// TestGuidance trains a classifier and a conditional network on three kinds of bars: the classifier is nearly always right, so are guided
// samples, and the network's null label gives samples of any class.
func TestGuidance(t *testing.T) {
	dir := t.TempDir()
	bars(t, dir, "train", 600)
	bars(t, dir, "t10k", 150)
	r, err := recipe.Parse("bars", fmt.Sprintf(barsRecipe, dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	mach := exec.NewCPU(exec.CPUOptions{Workers: 2})
	res, err := train.Run(context.Background(), train.Options{Recipe: r, Out: filepath.Join(dir, "run"), Executor: mach})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := evaluate.Guidance(context.Background(), mach, res.Model, r, evaluate.GuidanceOptions{Weights: []float64{1, 3}, Samples: 60,
		Classifier: evaluate.ClassifierOptions{Steps: 60}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate.Guidance(context.Background(), mach, res.Model, r, evaluate.GuidanceOptions{Samples: 5}); err == nil ||
		!strings.Contains(err.Error(), "5 samples of 3 classes: want at least 6") {
		t.Errorf("too few samples for a spread: error %v", err)
	}
	t.Logf("classifier %.3f, weight 1: %.3f, weight 3: %.3f", rep.Held, rep.Rows[0].Accuracy(), rep.Rows[1].Accuracy())
	if rep.Held < 0.95 || rep.Classes != 3 || rep.HeldCount != 150 {
		t.Errorf("the classifier is right in %.3f of %d images of %d classes, want 0.95", rep.Held, rep.HeldCount, rep.Classes)
	}
	if best := rep.Best(); best.Accuracy() < 0.9 || best.Samples != 60 {
		t.Errorf("at the best weight %g, %.3f of %d samples are taken for their class, want 0.9", best.Weight, best.Accuracy(), best.Samples)
	}
	for _, row := range rep.Rows {
		if !(row.Spread > 0.3 && row.Spread < 1.5) {
			t.Errorf("guidance %g: spread %g of the images'", row.Weight, row.Spread)
		}
	}
	sum := 0
	for _, n := range rep.Rows[1].ByClass {
		sum += n
	}
	if sum != rep.Rows[1].Right {
		t.Errorf("%d right, but %v by class", rep.Rows[1].Right, rep.Rows[1].ByClass)
	}
}

func TestGuidanceRefuses(t *testing.T) {
	points, err := data.Generate("swissroll", 10, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	mach := exec.NewCPU(exec.CPUOptions{})
	if _, err := evaluate.TrainClassifier(context.Background(), mach, points, evaluate.ClassifierOptions{}); err == nil ||
		!strings.Contains(err.Error(), "0 classes") {
		t.Errorf("a classifier of points: error %v", err)
	}
}
