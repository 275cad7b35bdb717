package cli

import (
	"fmt"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/evaluate"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/kernels"
)

// evaluateClasses measures how often samples of a class are taken for it, for several weights of guidance.
func evaluateClasses(c *urfave.Context, g *globals, m *model.Model, r *recipe.Recipe) error {
	o := evaluate.GuidanceOptions{Seed: c.Uint64("seed"), Classifier: evaluate.ClassifierOptions{Steps: c.Int("classifier-steps"), Seed: c.Uint64("seed")}}
	if o.Classifier.Steps < 1 {
		return usagef("--classifier-steps %d: want at least 1", o.Classifier.Steps)
	}
	if c.IsSet("samples") {
		o.Samples = c.Int("samples")
	}
	for _, word := range strings.Split(c.String("guidance"), ",") {
		w, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || w == 0 {
			return usagef("--guidance %s: want weights other than 0 with commas between them, for example 1,2,4", c.String("guidance"))
		}
		if err := sample.CheckGuidance(m, w); err != nil {
			return usagef("--%w", err)
		}
		o.Weights = append(o.Weights, w)
	}
	mach, dtype, err := g.executor(kernels.F32)
	if err != nil {
		return err
	}
	defer mach.Close()
	m.DType = dtype
	o.Judged = func(rep *evaluate.GuidanceReport) {
		if !g.json {
			g.say(nil, "classifier        right for %.2f %% of %d held-out images", 100*rep.Held, rep.HeldCount)
		}
	}
	o.After = func(row evaluate.GuidanceRow) {
		if !g.json {
			g.say(nil, "guidance %-8g %.1f %% of %d samples are taken for their class, spread %.2f of the images'", row.Weight, 100*row.Accuracy(), row.Samples,
				row.Spread)
		}
	}
	rep, err := evaluate.Guidance(c.Context, mach, m, r, o)
	if err != nil {
		return err
	}
	best := rep.Best()
	return g.say(rep, "best              %g: %d of %d, by class %s, %s", best.Weight, best.Right, best.Samples,
		strings.Trim(fmt.Sprint(best.ByClass), "[]"), rep.Sampler)
}
