package cli

import (
	"errors"
	"fmt"
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
		warnRenamed(c, "--set", r)
		return r, "preset " + preset, nil
	case file != "":
		if _, err := recipe.ReadFile(file, nil); err != nil {
			return nil, "", err
		}
		r, err := recipe.ReadFile(file, set)
		if err != nil {
			return nil, "", usageError{err}
		}
		warnRenamed(c, file, r)
		return r, file, nil
	}
	return nil, "", usagef("which recipe? Give --preset NAME (%s) or --config FILE", strings.Join(recipe.Presets(), ", "))
}

// recipeOf reads the recipe of the run that a model was loaded from; nil if it does not come from a run.
func recipeOf(c *urfave.Context, dir string, m *model.Model) (*recipe.Recipe, error) {
	run := filepath.Clean(dir)
	if folder := filepath.Dir(m.Source); filepath.Base(folder) == checkpoint.CheckpointsDir {
		run = filepath.Dir(folder)
	}
	r, err := readRunRecipe(c, run, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}

// readRunRecipe reads the recipe of a run directory, with overrides.
func readRunRecipe(c *urfave.Context, run string, set []string) (*recipe.Recipe, error) {
	path := filepath.Join(run, rundir.ConfigFile)
	r, err := recipe.ReadFile(path, set)
	if err != nil {
		return nil, err
	}
	warnRenamed(c, path, r)
	return r, nil
}

// warnRenamed says in one line on standard error which keys a recipe gives in their former spelling.
func warnRenamed(c *urfave.Context, source string, r *recipe.Recipe) {
	if list := r.Renamed(); len(list) > 0 {
		fmt.Fprintf(c.App.ErrWriter, "unnoise: warning: %s: %s\n", source, recipe.RenamedText(list))
	}
}
