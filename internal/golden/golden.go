// Package golden reads numbers made with the original authors' code, for tests.
//
// A root holds one folder a case, whose kind is the longest known prefix of its
// name, and the folder samplers with one NAME.json and NAME.npy a case. The root
// is testdata/golden of this package, or the one that UNNOISE_GOLDEN names: twins
// of the cases with other numbers, which may lack any array or key. Tests iterate
// over what a case holds and spell out nothing but tolerances.
package golden

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Variable names another root.
const Variable = "UNNOISE_GOLDEN"

// kinds are the known prefixes of folders.
var kinds = []string{"annotated", "timegrad", "crps", "iddpm", "iddpm-schedules", "ho-bpd", "sohl", "heartbeat",
	"edm", "kdiff", "unipc", "metrics", "phema"}

// root returns the root folder and whether the environment names it.
func root(t testing.TB) (dir string, given bool) {
	t.Helper()
	if dir = os.Getenv(Variable); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("%s: %v", Variable, err)
		}
		return dir, true
	}
	return filepath.Join(moduleRoot(t), "internal", "golden", "testdata", "golden"), false
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory: run go test inside the module")
		}
		dir = parent
	}
}

// kindOf returns the longest known prefix of a folder's name, "" for none.
func kindOf(folder string) string {
	kind := ""
	for _, k := range kinds {
		if strings.HasPrefix(folder, k) && len(k) > len(kind) {
			kind = k
		}
	}
	return kind
}

// Cases runs a subtest, named like the folder, for every case of a kind. A root
// without that kind fails the test, or skips it where the environment names the
// root.
func Cases(t *testing.T, kind string, run func(t *testing.T, dir string)) {
	t.Helper()
	if !slices.Contains(kinds, kind) {
		t.Fatalf("unknown kind %q; known are %s", kind, strings.Join(kinds, ", "))
	}
	dir, given := root(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() && kindOf(e.Name()) == kind {
			found = true
			t.Run(e.Name(), func(t *testing.T) { run(t, filepath.Join(dir, e.Name())) })
		}
	}
	if !found {
		missing(t, given, dir, kind)
	}
}

// Samplers runs a subtest for every NAME.json of the folder samplers. dir is
// that folder.
func Samplers(t *testing.T, run func(t *testing.T, dir, name string)) {
	t.Helper()
	dir, given := root(t)
	files, err := filepath.Glob(filepath.Join(dir, "samplers", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		t.Run(name, func(t *testing.T) { run(t, filepath.Dir(f), name) })
	}
	if len(files) == 0 {
		missing(t, given, dir, "samplers")
	}
}

func missing(t *testing.T, given bool, dir, kind string) {
	t.Helper()
	if given {
		t.Skipf("%s=%s has no case of kind %s", Variable, dir, kind)
	}
	t.Fatalf("%s has no case of kind %s", dir, kind)
}

// ReadJSON decodes a file into v.
func ReadJSON(t testing.TB, v any, path ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
}
