package recipe

import (
	"strings"
	"testing"
)

// TestHorizon: a cosine rate that leaves its horizon out ends with the run; an explicit one stays, and
// more steps are warned of.
func TestHorizon(t *testing.T) {
	preset := func(set ...string) *Recipe {
		t.Helper()
		r, err := Preset("fashion-mnist", set)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	derived := preset("train.lr_schedule=cosine", "train.steps=900")
	if got := derived.Train.LRDecaySteps; got != 900 || derived.HorizonWarning() != "" {
		t.Errorf("derived horizon: got %d, %q, expected 900 and no warning", got, derived.HorizonWarning())
	}
	if got := preset("train.steps=900").Train.LRDecaySteps; got != 0 {
		t.Errorf("horizon of a constant rate: got %d, expected 0, as the hash of old runs has it", got)
	}
	more := preset("train.lr_schedule=cosine", "train.steps=1200")
	more.KeepHorizon(derived)
	if len(Changes(derived, more)) > 0 || more.Hash() != derived.Hash() || more.Rate(700) != derived.Rate(700) {
		t.Errorf("a run continued with more steps: got horizon %d, expected 900", more.Train.LRDecaySteps)
	}
	if w := more.HorizonWarning(); !strings.Contains(w, "steps 901 to 1200 run at a learning rate of 0;") {
		t.Errorf("steps beyond the horizon: got %q", w)
	}
	explicit := preset("train.lr_schedule=cosine", "train.steps=1200", "train.lr_decay_steps=800")
	explicit.KeepHorizon(derived)
	if explicit.Train.LRDecaySteps != 800 || len(Changes(derived, explicit)) != 1 {
		t.Errorf("explicit horizon: got %d, expected 800, a change", explicit.Train.LRDecaySteps)
	}
	_, err := Preset("fashion-mnist", []string{"train.lr_schedule=cosine", "train.steps=2"})
	if err == nil || !strings.Contains(err.Error(), "which makes it train.steps") {
		t.Errorf("fewer steps than the warm-up: got %v", err)
	}
}
