package ptx

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestResources checks that resources.txt has one line for each compiled kernel, sorted.
func TestResources(t *testing.T) {
	text, err := os.ReadFile("resources.txt")
	if err != nil {
		t.Fatal(err)
	}
	var listed, compiled []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != 6 || slices.Contains(cells, "-") {
			t.Errorf("line %q: expected six cells; a kernel without __launch_bounds__ has no occupancy", line)
			continue
		}
		listed = append(listed, cells[0]+"\t"+cells[1])
	}
	entry := regexp.MustCompile(`(?m)^(?:\.visible )?\.entry (\w+)`)
	for _, m := range Modules() {
		source, err := Source(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entry.FindAllSubmatch(source, -1) {
			compiled = append(compiled, m+"\t"+string(e[1]))
		}
	}
	slices.Sort(compiled)
	if diff := cmp.Diff(compiled, listed); diff != "" {
		t.Errorf("-compiled +listed, run make ptx:\n%s", diff)
	}
}
