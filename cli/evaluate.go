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
		Name:      "evaluate",
		Usage:     "measure a run: on 2-D data against the closed form, on classes of images with a classifier; bits/dim; forecasts",
		ArgsUsage: "[nll|crps]",
		Description: "For a run on a 2-D set: the mean loss against the least that any network can reach on the very point set, the worst\n" +
			"timestep, and the energy distance of ancestral samples to fresh points against that between fresh sets. Writes\n" +
			evaluate.FigureFile + " (forward process, reverse process, learned drift) and " + evaluate.AnimationFile + " (the reverse process).\n" +
			"For a run on labelled images: trains a small classifier on the run's data, draws samples of every class with several weights of\n" +
			"guidance, and counts those that the classifier takes for their class. The spread is the variance of samples inside their class,\n" +
			"over that of held-out images: below 1 they are more alike.\n" +
			"nll   the variational bound of a model on held-out images in bits/dim (Ho et al. 2020): every term, with standard error and the\n" +
			"      rate-distortion curve; on points the density, beside the bound's closed form\n" +
			"crps  CRPS_sum, CRPS and normalised deviation of forecasts, as gluonts computes them, from two arrays",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "model", Usage: "`RUN` directory of unnoise train"},
			&urfave.StringFlag{Name: "out", Usage: "`DIR` for the pictures", DefaultText: "the run directory"},
			&urfave.IntFlag{Name: "draws", Value: 8192, Usage: "`N` noised points a timestep"},
			&urfave.IntFlag{Name: "samples", Value: 5000, Usage: "`N` samples, and points of each fresh set",
				DefaultText: "5000 points, or 500 images for each weight; nll: 128 images"},
			&urfave.StringFlag{Name: "guidance", Value: "1,2,3,4,6", Usage: "`WEIGHTS` of guidance to measure, for a run on labelled images"},
			&urfave.IntFlag{Name: "classifier-steps", Value: 2000, Usage: "`N` steps to train the classifier"},
			&urfave.StringFlag{Name: "data", Usage: "nll: the `PATH` of the data", DefaultText: "the run's own"},
			&urfave.StringFlag{Name: "steps", Usage: "nll: a respaced chain, `COUNTS` of timesteps by section such as 100 or 10,15,20, or ddimN", DefaultText: "every timestep"},
			&urfave.IntFlag{Name: "batch", Value: 64, Usage: "nll: `N` samples a network call"},
			&urfave.StringFlag{Name: "plot", Usage: "nll: draw the terms and the rate-distortion curve into this PNG `FILE`"},
			&urfave.StringFlag{Name: "forecast", Usage: "crps: `FILE`.npy of sample paths: window, sample, step, series"},
			&urfave.StringFlag{Name: "target", Usage: "crps: `FILE`.npy of what happened: window, step, series"},
		},
		Action: runEvaluate,
	}
}

func runEvaluate(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	switch what := c.Args().First(); {
	case what == "nll" && c.NArg() == 1:
		return evaluateBound(c, g)
	case what == "crps" && c.NArg() == 1:
		return evaluateForecasts(c, g)
	case c.NArg() > 0:
		return usagef("evaluate %s: expected nll, crps or nothing; see unnoise evaluate --help", strings.Join(c.Args().Slice(), " "))
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
