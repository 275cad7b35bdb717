package cli

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/checkpoint"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/rundir"
)

// readRecipe reads the recipe that --preset or --config names, with overrides, and says in words where it came from.
func readRecipe(c *urfave.Context, set []string) (*recipe.Recipe, string, error) {
	preset, file := c.String("preset"), c.String("config")
	switch {
	case preset != "" && file != "":
		return nil, "", usagef("--preset and --config: give one of the two")
	case preset != "":
		r, err := recipe.Preset(preset, set)
		if err != nil {
			return nil, "", usageError{err}
		}
		return r, "preset " + preset, nil
	case file != "":
		if _, err := recipe.ReadFile(file, nil); err != nil {
			return nil, "", err
		}
		r, err := recipe.ReadFile(file, set)
		if err != nil {
			return nil, "", usageError{err}
		}
		return r, file, nil
	}
	return nil, "", usagef("which recipe? Give --preset NAME (%s) or --config FILE", strings.Join(recipe.Presets(), ", "))
}

// recipeOf reads the recipe of the run that a model was loaded from; nil if it does not come from a run.
func recipeOf(dir string, m *model.Model) (*recipe.Recipe, error) {
	run := filepath.Clean(dir)
	if folder := filepath.Dir(m.Source); filepath.Base(folder) == checkpoint.CheckpointsDir {
		run = filepath.Dir(folder)
	}
	r, err := recipe.ReadFile(filepath.Join(run, rundir.ConfigFile), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}
