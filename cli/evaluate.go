package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/evaluate"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/kernels"
)

func evaluateCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "evaluate",
		Usage: "measure a run: on 2-D data against the closed form, on classes of images with a classifier",
		Description: "For a run on a 2-D set: the mean loss against the least that any network can reach on the very point set, the worst\n" +
			"timestep, and the energy distance of ancestral samples to fresh points against that between fresh sets. Writes\n" +
			evaluate.FigureFile + " (forward process, reverse process, learned drift) and " + evaluate.AnimationFile + " (the reverse process).\n" +
			"For a run on labelled images: trains a small classifier on the run's data, draws samples of every class with several weights of\n" +
			"guidance, and counts those that the classifier takes for their class. The spread is the variance of samples inside their class,\n" +
			"over that of held-out images: below 1 they are more alike.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "model", Usage: "`RUN` directory of unnoise train"},
			&urfave.StringFlag{Name: "out", Usage: "`DIR` for the pictures", DefaultText: "the run directory"},
			&urfave.IntFlag{Name: "draws", Value: 8192, Usage: "`N` noised points a timestep"},
			&urfave.IntFlag{Name: "samples", Value: 5000, Usage: "`N` samples, and points of each fresh set", DefaultText: "5000 points, or 500 images for each weight"},
			&urfave.StringFlag{Name: "guidance", Value: "1,2,3,4,6", Usage: "`WEIGHTS` of guidance to measure, for a run on labelled images"},
			&urfave.IntFlag{Name: "classifier-steps", Value: 2000, Usage: "`N` steps to train the classifier"},
		},
		Action: runEvaluate,
	}
}

func runEvaluate(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	run, out := c.String("model"), c.String("out")
	if run == "" {
		return usagef("evaluate needs --model; see unnoise evaluate --help")
	}
	if c.Int("draws") < 2 || c.Int("samples") < 2 {
		return usagef("--draws and --samples: want at least 2")
	}
	if out == "" {
		out = run
	}
	r, err := readRunRecipe(c, run, nil)
	if err != nil {
		return fmt.Errorf("evaluate takes a run directory of unnoise train: %w", err)
	}
	m, err := model.Load(run, false)
	if err != nil {
		return err
	}
	if !m.Points() {
		return evaluateClasses(c, g, m, r)
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	mach, dtype, err := g.executor(kernels.F32)
	if err != nil {
		return err
	}
	defer mach.Close()
	m.DType = dtype
	rep, err := evaluate.Points(c.Context, mach, m, r, evaluate.PointsOptions{Draws: c.Int("draws"), Samples: c.Int("samples"), Seed: c.Uint64("seed")})
	if err != nil {
		return err
	}
	if err := rep.WritePictures(mach, m, out); err != nil {
		return err
	}
	return g.say(rep, "%s", evaluation(rep, out))
}

// evaluation is the report in words.
func evaluation(rep *evaluate.PointsReport, out string) string {
	return strings.Join([]string{
		fmt.Sprintf("mean loss         %.5f, %.2f %% above the closed-form minimum %.5f for these points (%d x %d draws)", rep.Loss, 100*(rep.Ratio-1),
			rep.Minimum, len(rep.PerT), rep.DrawsPerStep),
		fmt.Sprintf("worst timestep    t = %d, %.2f %% above its minimum", rep.WorstT, 100*(rep.WorstRatio-1)),
		fmt.Sprintf("energy distance   %.2e of %d samples to fresh points, %.2e between fresh sets: %.1f times", rep.Energy, rep.SampleCount,
			rep.EnergyFresh, rep.EnergyRatio),
		fmt.Sprintf("pictures          %s, %s", filepath.Join(out, evaluate.FigureFile), filepath.Join(out, evaluate.AnimationFile)),
	}, "\n")
}
