package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/recipe"
)

// source is what a run learns from.
type source struct {
	recipe         *recipe.Recipe
	set            *data.Set
	train, heldOut data.Dataset
	loader         *data.Loader
	contents       string // of the set, see data.Set.Contents
}

// openSource opens the data and the loader.
func openSource(ctx context.Context, run Options) (*source, error) {
	o, err := run.Recipe.DataOptions()
	if err != nil {
		return nil, err
	}
	o.Context = ctx
	set, err := openSet(ctx, o)
	if ended := ctx.Err(); ended != nil {
		if err == nil {
			set.Close()
		}
		return nil, fmt.Errorf("stopped before the first step, nothing was changed: %w", ended)
	}
	if err != nil {
		if run.Resume && errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; if the data have moved, say where they are now with --data PATH", err)
		}
		return nil, err
	}
	if bad := set.Skipped; len(bad) > 0 {
		run.warn("left out %d pictures that cannot be read; the first: %s: %v", len(bad), bad[0].Path, bad[0].Err)
	}
	for _, note := range set.Notes {
		run.warn("%s", note)
	}
	d := run.Recipe.Data
	cfg := data.LoaderConfig{Seed: run.Recipe.Train.Seed, Flip: d.Flip, Workers: d.Workers, Ahead: d.Prefetch}
	loader, err := data.NewLoader(set.Train, cfg)
	if err != nil {
		set.Close()
		return nil, err
	}
	contents, err := set.Contents()
	if err != nil {
		set.Close()
		return nil, err
	}
	return &source{recipe: run.Recipe, set: set, train: set.Train, heldOut: set.HeldOut, loader: loader,
		contents: contents}, nil
}

// openSet opens the data, or gives that up as soon as ctx ends: a file system may not answer. What
// is opened later is left to the program's end.
func openSet(ctx context.Context, o data.Options) (*data.Set, error) {
	type opened struct {
		set *data.Set
		err error
	}
	done := make(chan opened, 1)
	go func() {
		set, err := data.OpenSet(o)
		done <- opened{set, err}
	}()
	select {
	case r := <-done:
		return r.set, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fill writes micro-batch m of step k, and has the loader begin with the next.
func (s *source) fill(k, m int, dst data.Batch) error {
	r := s.recipe.Train
	position := (uint64(k)*uint64(r.MicroBatches) + uint64(m)) * uint64(r.MicroBatch)
	if err := s.loader.Batch(position, dst); err != nil {
		return batchError{err}
	}
	if s.recipe.Data.Prefetch > 0 {
		s.loader.Prefetch(position+uint64(r.MicroBatch), r.MicroBatch)
	}
	return nil
}

// batchError is a failure to make a batch.
type batchError struct{ error }

func (e batchError) Unwrap() error { return e.error }
