package recipe_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unnoise/unnoise/engine/recipe"
)

// formerKeys reads a recipe that gives every renamed key in the spelling of the first release, and
// the hash that it had there (commit 9bb14b0).
func formerKeys(t *testing.T) (text, hash string) {
	t.Helper()
	var files [2][]byte
	for i, name := range []string{"former-keys.toml", "former-keys.sha256"} {
		var err error
		if files[i], err = os.ReadFile(filepath.Join("testdata", name)); err != nil {
			t.Fatal(err)
		}
	}
	return string(files[0]), strings.TrimSpace(string(files[1]))
}

// TestFormerKeys reads every renamed key in its former spelling: the recipe is that of today's
// spelling, its hash that of the first release, and each change is told.
func TestFormerKeys(t *testing.T) {
	text, hash := formerKeys(t)
	old, err := recipe.Parse("old", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := text
	for _, change := range old.Renamed() {
		from, to, _ := strings.Cut(change, " -> ")
		table, from, _ := strings.Cut(from, ".")
		head, tail, found := strings.Cut(now, "["+table+"]")
		if !found {
			t.Fatalf("%s: no such table", change)
		}
		now = head + "[" + table + "]" + strings.Replace(tail, "\n"+from+" = ", "\n"+strings.TrimPrefix(to, table+".")+" = ", 1)
	}
	if n := len(old.Renamed()); n != 11 {
		t.Errorf("%d keys renamed: %v", n, old.Renamed())
	}
	new, err := recipe.Parse("new", now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(new.Renamed()) > 0 || old.Hash() != hash || new.Hash() != hash || len(recipe.Changes(old, new)) > 0 {
		t.Errorf("renamed %v, changes %v, hashes %s and %s, expected %s: runs of the first release could not be resumed", new.Renamed(),
			recipe.Changes(old, new), old.Hash(), new.Hash(), hash)
	}
	a, err := old.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := new.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Error(d)
	}
	set, err := recipe.Parse("set", text, []string{"train.batch=9", "train.clip=1", "train.steps=4"})
	if err != nil || set.Train.MicroBatch != 9 || set.Train.MaxGradNorm != 1 || !slices.Contains(set.Renamed(), "train.batch -> train.micro_batch") {
		t.Errorf("--set in former spelling: %+v, %v, %v", set.Train, set.Renamed(), err)
	}
}

// TestBothSpellings refuses a key given in both spellings, and values of the wrong type, naming what was given.
func TestBothSpellings(t *testing.T) {
	for _, c := range []struct {
		text string
		set  []string
		want string
	}{
		{"[train]\nbatch = 3\nmicro_batch = 4", nil, "test: train.batch and train.micro_batch are the same key: give train.micro_batch alone"},
		{"", []string{"train.rate=cosine", "train.lr_schedule=constant"}, "--set train.rate and --set train.lr_schedule are the same key"},
		{"[train]\nbatch = \"many\"", nil, "test: train.batch: "},
		{"batch = 3", nil, `unknown key "batch": did you mean train.micro_batch?`},
		{"train.clp = 3", nil, `unknown key "train.clp"`},
	} {
		if _, err := recipe.Parse("test", c.text, c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %v: error %v, expected one with %q", c.text, c.set, err, c.want)
		}
	}
}
