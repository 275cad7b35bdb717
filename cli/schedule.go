package cli

import (
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/diffusion"
	"github.com/unnoise/unnoise/engine/recipe"
)

func scheduleCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "schedule",
		Usage: "print every table of the forward and reverse process",
		Description: "One row a timestep, from 0: betas, alphas, alphas_cumprod and what follows from them, in float64.\n" +
			"With --format json: one object with \"timesteps\" and an array under each column's name.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "preset", Usage: "the schedule of preset `NAME`: " + strings.Join(recipe.Presets(), ", ")},
			&urfave.StringFlag{Name: "kind", Usage: "`KIND` of schedule: " + strings.Join(diffusion.Kinds(), ", ")},
			&urfave.IntFlag{Name: "timesteps", Value: 1000, Usage: "`T` steps"},
			&urfave.Float64Flag{Name: "beta-start", Value: diffusion.DefaultBetaStart, Usage: "first `BETA`"},
			&urfave.Float64Flag{Name: "beta-end", Value: diffusion.DefaultBetaEnd, Usage: "last `BETA`"},
			&urfave.Float64Flag{Name: "cosine-s", Value: diffusion.DefaultCosineS, Usage: "offset `S` of cosine"},
			&urfave.Float64Flag{Name: "max-beta", Value: diffusion.DefaultMaxBeta, Usage: "largest `BETA` of cosine and jsd"},
			formatFlag("csv", "json"),
		},
		Action: runSchedule,
	}
}

// formatFlag is --format with its values, the first being the default.
func formatFlag(values ...string) urfave.Flag {
	return &urfave.StringFlag{Name: "format", Value: values[0], Usage: "`FORMAT` of the output: " + strings.Join(values, " or ")}
}

func runSchedule(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	asJSON, err := g.tabular(c, "csv")
	if err != nil {
		return err
	}
	s, err := readSchedule(c)
	if err != nil {
		return err
	}
	p, err := diffusion.NewProcess(s)
	if err != nil {
		return usageError{err}
	}
	if asJSON {
		return p.WriteJSON(c.App.Writer)
	}
	return p.WriteCSV(c.App.Writer)
}

// readSchedule returns the schedule that the flags describe.
func readSchedule(c *urfave.Context) (diffusion.Schedule, error) {
	shape := []string{"timesteps", "beta-start", "beta-end", "cosine-s", "max-beta"}
	switch preset, kind := c.String("preset"), c.String("kind"); {
	case preset != "" && kind != "":
		return diffusion.Schedule{}, usagef("--preset and --kind: give one of the two")
	case preset != "":
		for _, name := range shape {
			if c.IsSet(name) {
				return diffusion.Schedule{}, usagef("--%s belongs to --kind; a preset has its own", name)
			}
		}
		r, err := recipe.Preset(preset, nil)
		if err != nil {
			return diffusion.Schedule{}, usageError{err}
		}
		return r.Diffusion.Schedule, nil
	case kind != "":
		for _, name := range shape[1:] {
			if c.IsSet(name) && !(c.Float64(name) > 0 && c.Float64(name) < 1) {
				return diffusion.Schedule{}, usagef("--%s %v: want a number between 0 and 1, both excluded", name, c.Float64(name))
			}
		}
		return diffusion.Schedule{Kind: kind, Timesteps: c.Int("timesteps"), BetaStart: c.Float64("beta-start"),
			BetaEnd: c.Float64("beta-end"), CosineS: c.Float64("cosine-s"), MaxBeta: c.Float64("max-beta")}, nil
	}
	return diffusion.Schedule{}, usagef("which schedule? Give --preset NAME or --kind KIND; kinds are %s", strings.Join(diffusion.Kinds(), ", "))
}
