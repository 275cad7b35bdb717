package evaluate_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/unnoise/unnoise/engine/evaluate"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/train"
)

// TestSwissRoll trains the preset as the demo does and holds it to the closed form: the mean loss within 2 % of the minimum, no timestep
// above 8 %, samples at most four times as far from fresh points as fresh points from each other. In short mode, a tenth of the steps and
// the first two bounds eight times as wide.
func TestSwissRoll(t *testing.T) {
	var set []string
	slack, o := 1.0, evaluate.PointsOptions{}
	if testing.Short() {
		set = []string{"train.steps=400", "train.lr_decay_steps=400", "train.sample_count=0"}
		slack, o = 8, evaluate.PointsOptions{Draws: 1024, Samples: 500}
	}
	r, err := recipe.Preset("swissroll", set)
	if err != nil {
		t.Fatal(err)
	}
	mach := exec.NewCPU(exec.CPUOptions{})
	res, err := train.Run(context.Background(), train.Options{Recipe: r, Out: filepath.Join(t.TempDir(), "run"), Executor: mach})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := evaluate.Points(context.Background(), mach, res.Model, r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("loss %.4f times the minimum, worst t = %d: %.4f times, energy distance %.2f times that of fresh sets", rep.Ratio, rep.WorstT, rep.WorstRatio, rep.EnergyRatio)
	if !(rep.Ratio <= 1+0.02*slack) || !(rep.WorstRatio <= 1+0.08*slack) {
		t.Error("the loss is too far above the closed-form minimum")
	}
	if !(rep.EnergyRatio <= 4) && !testing.Short() {
		t.Error("the samples are too far from fresh points")
	}
	if err := rep.WritePictures(mach, res.Model, t.TempDir()); err != nil {
		t.Error(err)
	}
}
