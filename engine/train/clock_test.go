package train

import (
	"math"
	"testing"
	"time"

	"github.com/unnoise/unnoise/engine/recipe"
)

// TestClockJumps: a clock that stands still, is set back or jumps ahead gives speeds and times that can be written.
func TestClockJumps(t *testing.T) {
	r, err := recipe.Preset("swissroll", nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, jump := range map[string]time.Duration{"still": 0, "back": -time.Hour, "far back": -1 << 62, "a year ahead": 8760 * time.Hour,
		"far ahead": 1<<63 - 1, "one step": time.Second} {
		now := began.Add(jump)
		tr := &trainer{Options: Options{Recipe: r}}
		report := newProgress(tr, func() time.Time { return began })
		report.now, tr.step = func() time.Time { return now }, 3
		p := Progress{Step: 3, Steps: 1 << 40}
		report.throughput(&p)
		if s := p.SamplesPerSecond; math.IsNaN(s) || math.IsInf(s, 0) || s < 0 || p.Remaining < 0 {
			t.Errorf("%s: %v samples a second, %v left", name, s, p.Remaining)
		}
	}
}
