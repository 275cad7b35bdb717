package cli

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/unnoise/unnoise/engine/sample"
)

// newBar makes a progress bar with rate and time left on standard error, whose last line stays; nil
// where no terminal shows it.
func newBar(g *globals, total int, description, unit string) *progressbar.ProgressBar {
	return steadyBar(g, total, description, progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit), progressbar.OptionSetWidth(24))
}

// steadyBar is newBar without rate and count, for descriptions that say it.
func steadyBar(g *globals, total int, description string, more ...progressbar.Option) *progressbar.ProgressBar {
	if !g.terminal(g.err) {
		return nil
	}
	return progressbar.NewOptions(total, append(more, progressbar.OptionSetWriter(g.err), progressbar.OptionSetDescription(description),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(g.err) }))...)
}

// sampleBar counts the steps of every batch.
type sampleBar struct{ bar *progressbar.ProgressBar }

func newSampleBar(g *globals, o *sample.Options) *sampleBar {
	batches := (o.N + o.Batch - 1) / o.Batch
	return &sampleBar{newBar(g, batches*len(o.Table.Steps), "sampling", "steps")}
}

func (b *sampleBar) step() {
	if b.bar != nil {
		b.bar.Add(1)
	}
}

func (b *sampleBar) finish() {
	if b.bar != nil && !b.bar.IsFinished() {
		b.bar.Clear()
	}
}
