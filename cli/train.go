package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/kernels"
)

func trainCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "train",
		Usage: "train a network, or continue a run",
		Description: "Writes config.toml, metrics.jsonl, checkpoints/step-N, samples/step-N.png and loss.png to --out. SIGINT, SIGTERM,\n" +
			"SIGHUP (unless ignored, as by nohup) and SIGUSR1 save a checkpoint before the program ends: after the operator under way,\n" +
			"within seconds. Further signals are ignored; two seconds after the first, SIGINT gives the save up. With\n" +
			"--log-format json each line is an object with \"event\": progress, evaluation, checkpoint, samples or done.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "preset", Usage: "recipe `NAME`: " + strings.Join(recipe.Presets(), ", ")},
			&urfave.StringFlag{Name: "config", Usage: "recipe `FILE` (TOML; a run's config.toml is one)"},
			&urfave.StringFlag{Name: "data", Usage: "`PATH` of a folder or .zip of pictures, IDX or CIFAR-10 files, a .npy or .npz file, or the name of a 2-D set (data.source)"},
			&urfave.StringFlag{Name: "out", Usage: "run `DIR` (default: runs/NAME)"},
			&urfave.IntFlag{Name: "steps", Usage: "`N` steps in total (train.steps)", DefaultText: "the recipe's"},
			&urfave.IntFlag{Name: "batch", Usage: "`N` samples a micro-batch (train.micro_batch)", DefaultText: "the recipe's"},
			newResumeFlag(),
			&urfave.StringFlag{Name: "init", Usage: "begin with the averaged weights in `DIR`, a run, a checkpoint or a diffusers directory, and a new optimizer; without --preset and --config, with its settings"},
			&urfave.BoolFlag{Name: "init-partial", Usage: "with --init: begin the first and last layer and the classes anew where their shapes differ"},
			&urfave.BoolFlag{Name: "print", Usage: "print the recipe with every setting as TOML, and train nothing"},
			setFlag(),
		},
		Action: runTrain,
	}
}

func runTrain(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if err = trainWith(g, c); err != nil && g.json {
		_ = g.answer(map[string]any{"event": "error", "message": oneLine(err.Error())}, "")
	}
	return err
}

// trainWith trains, or with --print prints the recipe.
func trainWith(g *globals, c *urfave.Context) error {
	o, err := trainOptions(c)
	if err != nil {
		return err
	}
	if c.Bool("print") {
		text, err := o.Recipe.Encode()
		if err != nil {
			return err
		}
		_, err = g.out.Write(text)
		return err
	}
	if o.Executor, o.DType, err = g.executor(kernels.BF16); err != nil {
		return err
	}
	defer o.Executor.Close()
	memory, err := checkTrainingMemory(o.Recipe, o.Executor, o.DType)
	if err != nil {
		return err
	}
	report := newTrainReport(g, o, memory, whyNoGPU(c.String("device"), g.deviceName()))
	result, err := train.Run(c.Context, *o)
	report.finish()
	if err != nil {
		return trainError(c.Context, err)
	}
	return report.done(result)
}

// trainError says how to go on after an interruption.
func trainError(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	done, _ := strings.CutSuffix(err.Error(), context.Canceled.Error())
	if done = strings.TrimSuffix(done, ": "); done == "" {
		done = "stopped after the last step, which is saved"
	}
	return interruption{fmt.Sprintf("%s; continue with --resume", done)}
}

// interruption is context.Canceled with a better text.
type interruption struct{ text string }

func (e interruption) Error() string   { return e.text }
func (interruption) Is(err error) bool { return err == context.Canceled }

// trainOptions reads the recipe, its overrides and the run directory.
func trainOptions(c *urfave.Context) (*train.Options, error) {
	set := c.StringSlice("set")
	for _, flag := range []struct{ name, key string }{{"steps", "train.steps"}, {"batch", "train.micro_batch"}} {
		if !c.IsSet(flag.name) {
			continue
		}
		if c.Int(flag.name) < 1 {
			return nil, usagef("--%s %d: want at least 1", flag.name, c.Int(flag.name))
		}
		set = append(set, fmt.Sprintf("%s=%d", flag.key, c.Int(flag.name)))
	}
	if c.IsSet("seed") {
		set = append(set, fmt.Sprintf("train.seed=%d", c.Uint64("seed")))
	}
	if path := c.String("data"); path != "" {
		set = append(set, "data.source="+strconv.Quote(path))
	}
	o := &train.Options{Out: runDir(c), Init: c.String("init"), InitPartial: c.Bool("init-partial")}
	var err error
	if o.Resume, err = readResume(c, o.Out); err != nil {
		return nil, err
	}
	if err := checkInit(c, o); err != nil {
		return nil, err
	}
	if list, err := checkpoint.List(filepath.Join(o.Out, checkpoint.CheckpointsDir)); o.Resume && err == nil && len(list) > 0 {
		o.Init = "" // the weights are the checkpoint's
	}
	own := c.String("preset") == "" && c.String("config") == ""
	switch {
	case o.Resume && own && o.Out == "":
		return nil, usagef("--resume needs the run: give --out DIR")
	case o.Resume && own:
		config := filepath.Join(o.Out, rundir.ConfigFile)
		if _, err := os.Stat(config); err != nil {
			return nil, fmt.Errorf("%s holds no run to resume: %w", o.Out, err)
		}
		o.Recipe, err = readRunRecipe(c, o.Out, set)
		return o, err
	case o.Init != "" && own:
		o.Recipe, err = initRecipe(c, o.Init, set)
	default:
		o.Recipe, _, err = readRecipe(c, set)
	}
	if err != nil {
		return nil, err
	}
	if o.Recipe.Data.Source == "" && !c.Bool("print") {
		return nil, usagef("which data? Give --data PATH: pictures, IDX or CIFAR-10 files, an array, or the name of a 2-D set")
	}
	if o.Out == "" && !c.Bool("print") {
		return nil, usagef("where to? --init needs a directory for the new run: give --out DIR")
	}
	return o, nil
}

// runDir is --out, or runs/NAME of the recipe; "" where neither is given.
func runDir(c *urfave.Context) string {
	name := c.String("preset")
	if file := c.String("config"); name == "" && file != "" {
		name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if out := c.String("out"); out != "" || name == "" {
		return out
	}
	return filepath.Join("runs", name)
}

// checkInit refuses --init for a run that is continued; with --resume auto it counts when a run begins.
func checkInit(c *urfave.Context, o *train.Options) error {
	v, _ := c.Generic(resumeName).(*resumeValue)
	switch {
	case o.Init == "" && o.InitPartial:
		return usagef("--init-partial goes with --init DIR")
	case o.Init != "" && o.Resume && v.String() != resumeAuto:
		return usagef("--init begins a run, --resume continues one: give one of the two, or --resume auto")
	case o.Init != "" && filepath.Clean(o.Init) == filepath.Clean(o.Out):
		return usagef("--init %s is the run itself: continue it with --resume, or give another --out", o.Init)
	}
	return nil
}
