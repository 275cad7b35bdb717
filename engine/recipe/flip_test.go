package recipe_test

import (
	"testing"

	"github.com/unnoise/unnoise/engine/recipe"
)

// Presets that take any data, such as digits and letters, mirror nothing; those of CIFAR-10 do.
func TestPresetsMirrorWhereItIsSafe(t *testing.T) {
	for name, want := range map[string]bool{"fashion-mnist": false, "fashion-mnist-classes": false, "images": false, "cifar10": true, "cifar10-small": true} {
		r, err := recipe.Preset(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Data.Flip != want {
			t.Errorf("%s: flip is %v", name, r.Data.Flip)
		}
	}
}
