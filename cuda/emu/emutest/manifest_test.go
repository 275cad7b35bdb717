package emutest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManifestProblems copies two compiled kernels and spoils them in turn.
func TestManifestProblems(t *testing.T) {
	const folder = "cuda/emu/testdata/kernels"
	repository := filepath.Join("..", "..", "..")
	lines, err := ReadManifest(filepath.Join(repository, folder))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(repository, folder, "manifest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	line := lines[0]
	source, ptx := line.Sources[0], filepath.Join(folder, line.PTX)
	for _, c := range []struct {
		name  string
		spoil func(files map[string]string)
		want  string
	}{
		{"intact", func(map[string]string) {}, ""},
		{"source edited", func(f map[string]string) { f[source] += "// more" }, "older than its sources"},
		{"source removed", func(f map[string]string) { delete(f, source) }, "source is gone"},
		{"PTX edited", func(f map[string]string) { f[ptx] += "// more" }, "changed after"},
		{"PTX removed", func(f map[string]string) { delete(f, ptx) }, "no such file"},
		{"PTX added", func(f map[string]string) { f[filepath.Join(folder, "other.ptx")] = "" }, "not in the manifest"},
		{"source added", func(f map[string]string) { f[filepath.Join(folder, "other.cu")] = "" }, "has no PTX"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, _, _ := strings.Cut(string(manifest), "\n")
			files := map[string]string{filepath.Join(folder, "manifest.txt"): first + "\n", ptx: read(ptx)}
			for _, s := range line.Sources {
				files[s] = read(s)
			}
			c.spoil(files)
			root := t.TempDir()
			for path, text := range files {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			sources, err := filepath.Glob(filepath.Join(root, folder, "*.cu"))
			if err != nil {
				t.Fatal(err)
			}
			problems, err := ManifestProblems(root, filepath.Join(root, folder), sources)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(problems) > 0 || !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("problems %q, want one with %q", problems, c.want)
			}
		})
	}
}
