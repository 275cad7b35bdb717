package recipe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/engine/recipe"
)

// TestRecipeErrors holds messages of bad configurations to the key they are about.
func TestRecipeErrors(t *testing.T) {
	for set, want := range map[string]string{"train.micro_batch=0": "train.micro_batch", "train.lr=1": "train.lr", "batch=3": "train.micro_batch", "train.micro_batch": "key=value",
		"network.hiden=3": "hiden", "diffusion.loss=hinge": "diffusion.loss", "diffusion.prediction=mu": "diffusion.prediction", "train.micro_batch=many": "train.micro_batch",
		"diffusion.schedule.kind=cubic": "cubic"} {
		if _, err := recipe.Preset("swissroll", []string{set}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: error %v, want one that names %q", set, err, want)
		}
	}
	if _, err := recipe.Preset("celeba", nil); err == nil || !strings.Contains(err.Error(), "swissroll") {
		t.Errorf("unknown preset: %v", err)
	}
}

// TestPresets parses all presets, and reads what they write.
func TestPresets(t *testing.T) {
	for _, name := range recipe.Presets() {
		r, err := recipe.Preset(name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := recipe.Parse(name, string(text), nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if c := recipe.Changes(r, again); len(c) > 0 || r.Hash() != again.Hash() {
			t.Errorf("%s changes when it is written and read: %v", name, c)
		}
	}
}

// TestRecipeSize: a recipe over 1 MB is refused before it is parsed.
func TestRecipeSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.toml")
	for size, refused := range map[int]bool{recipe.MaxBytes: false, recipe.MaxBytes + 1: true} {
		if err := os.WriteFile(path, []byte("#"+strings.Repeat("x", size-2)+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := recipe.ReadFile(path, nil)
		if got := err != nil && strings.Contains(err.Error(), "too large"); got != refused {
			t.Errorf("%d bytes: got %v, expected a refusal: %t", size, err, refused)
		}
	}
}
