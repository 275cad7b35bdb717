package cli_test

import (
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/unnoise/unnoise/engine/recipe"
)

// TestDataKeysDocumented: docs/data.md has a row for every key of [data].
func TestDataKeysDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Preset("images", nil)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string]map[string]any
	if _, err := toml.Decode(string(encoded), &tables); err != nil {
		t.Fatal(err)
	}
	if len(tables["data"]) < 9 {
		t.Fatalf("keys %v", tables["data"])
	}
	for key := range tables["data"] {
		if !strings.Contains(string(text), "| `data."+key+"` | ") {
			t.Errorf("docs/data.md has no row for data.%s", key)
		}
	}
}
