package train_test

import (
	"context"
	"fmt"
	"os"

	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/train"
)

// Train a small network on the swiss roll and draw points from it, saved and loaded as a diffusers directory on the way.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	check(err)
	defer os.RemoveAll(dir)
	r, err := recipe.Preset("swissroll", []string{"train.steps=20", "train.micro_batch=64", "network.hidden=16", "data.num_points=500",
		"train.eval_samples=500", "train.sample_count=0"})
	check(err)
	machine := exec.NewCPU(exec.CPUOptions{})
	defer machine.Close()
	result, err := train.Run(context.Background(), train.Options{Recipe: r, Out: dir + "/roll", Executor: machine})
	check(err)
	m, err := model.Load(result.Checkpoint, false)
	check(err)
	table, err := sample.Table(m, sample.Method{Name: "ddim", Steps: 10})
	check(err)
	x, err := sample.Draw(context.Background(), m, exec.NewCPU(exec.CPUOptions{}), sample.Options{N: 100, Seed: 1, Table: table})
	check(err)
	fmt.Println(result.Step, "steps;", x.Dense(m.Points()).Shape(), "samples")
	// Output: 20 steps; (100, 2) samples
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
