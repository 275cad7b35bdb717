package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"

	page "github.com/unnoise/unnoise/engine/report"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/kernels"
)

func reportCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "report",
		Usage:     "make one HTML page of a run",
		ArgsUsage: "RUN",
		Description: "Writes RUN/" + page.File + ": loss, gradient norm, learning rate and speed as curves, the samples drawn along training, the reverse\n" +
			"process as an animation (drawn now, with the last checkpoint), bad steps, checkpoints, machines and the configuration. The file\n" +
			"holds everything it shows: it opens from disk, without network. A run that is still going can be reported too.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "out", Usage: "`FILE`.html to write", DefaultText: "RUN/" + page.File},
			&urfave.IntFlag{Name: "pictures", Value: 8, Usage: "at most `N` of the pictures drawn along training"},
			&urfave.IntFlag{Name: "samples", Usage: "`N` samples in the animation", DefaultText: "16 images or 1500 points"},
			&urfave.IntFlag{Name: "steps", Value: 40, Usage: "at most `N` sampling steps for the animation"},
			&urfave.BoolFlag{Name: "no-animation", Usage: "draw no samples"},
		},
		Action: runReport,
	}
}

func runReport(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if c.NArg() != 1 {
		return usagef("report takes one run directory: unnoise report RUN")
	}
	for _, name := range []string{"pictures", "samples", "steps"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return usagef("--%s %d: want at least 1", name, c.Int(name))
		}
	}
	run, out := c.Args().First(), c.String("out")
	if _, err := os.Stat(filepath.Join(run, rundir.ConfigFile)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no %s: want a run directory of unnoise train", run, rundir.ConfigFile)
	}
	if out == "" {
		out = filepath.Join(run, page.File)
	}
	if err := checkWritable(out); err != nil {
		return err
	}
	o := page.Options{Pictures: c.Int("pictures"), Samples: c.Int("samples"), Steps: c.Int("steps"), Seed: c.Uint64("seed")}
	o.OnWarning = func(text string) { fmt.Fprintf(c.App.ErrWriter, "unnoise: warning: %s\n", text) }
	if !c.Bool("no-animation") {
		if o.Executor, o.DType, err = g.executor(kernels.F32); err != nil {
			return err
		}
		defer o.Executor.Close()
	}
	if err := page.Write(c.Context, run, out, o); err != nil {
		return err
	}
	return g.say(map[string]any{"event": "report", "path": out}, "wrote %s", out)
}
