package ptx

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/unnoise/unnoise/cuda/emu/emutest"
)

// TestFresh holds the committed PTX to the sources it was made from, without a compiler.
func TestFresh(t *testing.T) {
	sources, err := filepath.Glob("../*/*.cu")
	if err != nil {
		t.Fatal(err)
	}
	emutest.CheckManifest(t, "../..", ".", sources)
	if len(Modules()) != len(sources) {
		t.Errorf("%d modules are embedded, there are %d sources", len(Modules()), len(sources))
	}
}

func TestSource(t *testing.T) {
	if text, err := Source("normal_draw"); err != nil || len(text) == 0 {
		t.Errorf("normal_draw: %d bytes, %v", len(text), err)
	}
	if _, err := Source("nothing"); err == nil {
		t.Error("a module that does not exist has a source")
	}
	if !slices.IsSorted(Modules()) {
		t.Errorf("not sorted: %v", Modules())
	}
}
