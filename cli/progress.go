package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/unnoise/unnoise/engine/sample"
)

// newBar makes a progress bar with rate and time left on standard error; nil where no terminal shows it.
func newBar(g *globals, total int, description, unit string) *progressbar.ProgressBar {
	if !g.terminal(g.err) {
		return nil
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(g.err), progressbar.OptionSetDescription(description),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())
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
	if b.bar != nil {
		b.bar.Clear()
	}
}
