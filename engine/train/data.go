package train

import (
	"context"
	"fmt"

	"github.com/unnoise/unnoise/engine/data"
)

// openData opens the data and the loader.
func (t *trainer) openData(ctx context.Context) error {
	o, err := t.Recipe.DataOptions()
	if err != nil {
		return err
	}
	o.Context = ctx
	t.set, err = data.OpenSet(o)
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("stopped before the first step, nothing was changed: %w", ended)
	}
	if err != nil {
		return err
	}
	t.train, t.heldOut = t.set.Train, t.set.HeldOut
	if bad := t.set.Skipped; len(bad) > 0 {
		t.warn("left out %d pictures that cannot be read; the first: %s: %v", len(bad), bad[0].Path, bad[0].Err)
	}
	for _, note := range t.set.Notes {
		t.warn("%s", note)
	}
	d := t.Recipe.Data
	t.loader, err = data.NewLoader(t.train, data.LoaderConfig{Seed: t.Recipe.Train.Seed, Flip: d.Flip, Workers: d.Workers, Ahead: d.Prefetch})
	return err
}

// warn tells of trouble that does not end the run.
func (t *trainer) warn(format string, args ...any) {
	if t.OnWarning != nil {
		t.OnWarning(fmt.Sprintf(format, args...))
	}
}
