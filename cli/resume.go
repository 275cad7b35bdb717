package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
)

// The name and the one value of --resume.
const (
	resumeName = "resume"
	resumeAuto = "auto"
)

// resumeValue is --resume's: "true" where it is given alone, auto, or "" and "false".
type resumeValue string

func (v *resumeValue) String() string {
	if v == nil {
		return ""
	}
	return string(*v)
}

// IsBoolFlag lets --resume stand without a value.
func (v *resumeValue) IsBoolFlag() bool { return true }

func (v *resumeValue) Set(text string) error {
	switch text {
	case "true", "false", resumeAuto:
		*v = resumeValue(text)
		return nil
	}
	return errors.New("expected --resume alone or --resume auto")
}

// resumeFlag is a flag whose value may be left out; "--resume auto" is read as "--resume=auto".
type resumeFlag struct{ *urfave.GenericFlag }

func newResumeFlag() resumeFlag {
	return resumeFlag{&urfave.GenericFlag{Name: resumeName, Value: new(resumeValue),
		Usage: "continue from the last checkpoint of --out; without --preset and --config, with its config.toml. " +
			"--resume auto continues a run or, where --out has none, begins it"}}
}

func (resumeFlag) TakesValue() bool { return false }
func (f resumeFlag) String() string { return urfave.FlagStringer(f) }

// readResume says whether to continue the run in a directory. With --resume auto that depends on
// whether there is one.
func readResume(c *urfave.Context, out string) (resume bool, err error) {
	switch v, _ := c.Generic(resumeName).(*resumeValue); v.String() {
	case "true":
		return true, nil
	case resumeAuto:
		_, err := os.Stat(filepath.Join(out, rundir.ConfigFile))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

// initRecipe reads the recipe for training a model further: of the run that it comes from, else of its
// own configuration.
func initRecipe(c *urfave.Context, dir string, set []string) (*recipe.Recipe, error) {
	for _, run := range []string{dir, filepath.Join(dir, "..", "..")} {
		config := filepath.Join(run, rundir.ConfigFile)
		if _, err := os.Stat(config); err == nil {
			return readRunRecipe(c, run, set)
		}
	}
	files, err := checkpoint.ResolveModel(dir)
	if err != nil {
		return nil, fmt.Errorf("--init: %w", err)
	}
	text, err := checkpoint.ReadText(files.Config)
	if err != nil {
		return nil, err
	}
	var sched *checkpoint.SchedulerConfig
	if files.Scheduler != "" {
		if sched, err = checkpoint.ReadScheduler(files.Scheduler); err != nil {
			return nil, err
		}
	}
	return recipe.OfModel(files.Config, text, sched, set)
}
